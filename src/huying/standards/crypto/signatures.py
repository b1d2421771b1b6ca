"""Signatures under one interface: Ed25519 (RFC 8032) and SM2 (GB/T 32918.2-2016).

Serialised forms: Ed25519 private 32 bytes (seed), public 32, signature 64; SM2 private 32
bytes (big-endian scalar), public 64 (``x || y``), signature 64 (``r || s``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from huying.standards.crypto import sm2
from huying.standards.crypto.errors import InvalidKey, UnknownAlgorithm

SignatureCode = Literal["ED25519", "SM2"]


class Signer(Protocol):
    """Holds a private key."""

    @property
    def code(self) -> SignatureCode: ...

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes:
        """The signature over the whole message (not over a digest of it)."""
        ...


class Verifier(Protocol):
    """Holds a public key."""

    @property
    def code(self) -> SignatureCode: ...

    @property
    def public_key(self) -> bytes: ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is right; malformed ones are simply not right."""
        ...


@dataclass(frozen=True, slots=True)
class _Signer:
    code: SignatureCode
    public_key: bytes
    _sign: Callable[[bytes], bytes]

    def sign(self, message: bytes) -> bytes:
        return self._sign(message)

    def __repr__(self) -> str:
        return f"<Signer {self.code} {self.public_key.hex()}>"


@dataclass(frozen=True, slots=True)
class _Verifier:
    code: SignatureCode
    public_key: bytes
    _verify: Callable[[bytes, bytes], bool]

    def verify(self, message: bytes, signature: bytes) -> bool:
        return self._verify(message, signature)


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """How to make keys, signers and verifiers of one algorithm; sizes in bytes."""

    code: SignatureCode
    private_key_size: int
    public_key_size: int
    signature_size: int
    generate_private_key: Callable[[], bytes]
    signer: Callable[[bytes], Signer]
    verifier: Callable[[bytes], Verifier]


def _ed25519_generate() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes_raw()


def _ed25519_signer(private_key: bytes) -> Signer:
    try:
        private = Ed25519PrivateKey.from_private_bytes(private_key)
    except ValueError:
        raise InvalidKey("ED25519", "应为 32 字节", "32 bytes needed") from None
    return _Signer("ED25519", private.public_key().public_bytes_raw(), private.sign)


def _ed25519_verifier(public_key: bytes) -> Verifier:
    try:
        public = Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError:
        raise InvalidKey("ED25519", "应为 32 字节", "32 bytes needed") from None
    return _Verifier("ED25519", public_key, partial(_ed25519_verify, public))


def _ed25519_verify(public: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _sm2_signer(private_key: bytes) -> Signer:
    public = sm2.public_key(private_key)
    return _Signer("SM2", public, partial(sm2.sign, private_key, public))


def _sm2_verifier(public_key: bytes) -> Verifier:
    public = sm2.checked_public_key(public_key)
    return _Verifier("SM2", public, partial(sm2.verify, public))


SIGNATURES: Final[dict[str, SignatureScheme]] = {
    "ED25519": SignatureScheme(
        "ED25519", 32, 32, 64, _ed25519_generate, _ed25519_signer, _ed25519_verifier
    ),
    "SM2": SignatureScheme("SM2", 32, 64, 64, sm2.generate, _sm2_signer, _sm2_verifier),
}


def signature_scheme(code: str) -> SignatureScheme:
    """The scheme registered under ``code``; ``UnknownAlgorithm`` if there is none."""
    try:
        return SIGNATURES[code]
    except KeyError:
        raise UnknownAlgorithm("signature", code, tuple(SIGNATURES)) from None


def generate_private_key(code: str) -> bytes:
    """A fresh private key in serialised form."""
    return signature_scheme(code).generate_private_key()


def signer(code: str, private_key: bytes) -> Signer:
    """A signer from a serialised private key; ``InvalidKey`` if it is not one."""
    return signature_scheme(code).signer(private_key)


def verifier(code: str, public_key: bytes) -> Verifier:
    """A verifier from a serialised public key; ``InvalidKey`` if it is not one."""
    return signature_scheme(code).verifier(public_key)
