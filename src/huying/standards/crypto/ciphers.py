"""Authenticated encryption.

AES-256-GCM: NIST SP 800-38D. SM4-GCM: GB/T 32907-2016 in the mode of RFC 8998.
A sealed message is ``nonce (12 bytes) || ciphertext || tag (16 bytes)``.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as HazmatCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from huying.standards.crypto.errors import InvalidKey, UnknownAlgorithm
from huying.standards.errors import InvalidInput

CipherCode = Literal["AES256GCM", "SM4GCM"]

NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16


class DecryptionFailed(InvalidInput):
    """The message was changed, cut short, or sealed with another key or other context."""

    code = "DECRYPTION_FAILED"

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        super().__init__(
            "无法解密：密钥不符，或数据已被改动。",
            "Cannot decrypt: the key does not match, or the data was changed.",
        )


@dataclass(frozen=True, slots=True)
class Cipher:
    """An authenticated cipher; ``key_size`` in bytes."""

    code: CipherCode
    key_size: int
    _seal: Callable[[bytes, bytes, bytes, bytes], bytes]
    _open: Callable[[bytes, bytes, bytes, bytes], bytes]

    def generate_key(self) -> bytes:
        """A fresh random key."""
        return secrets.token_bytes(self.key_size)

    def encrypt(
        self, key: bytes, plaintext: bytes, context: bytes = b"", *, nonce: bytes | None = None
    ) -> bytes:
        """Seal ``plaintext``; ``context`` is authenticated but not stored.

        A random nonce is drawn unless one is given (only tests with published vectors
        should give one: a nonce used twice under one key breaks GCM).
        """
        self._check(key)
        drawn = secrets.token_bytes(NONCE_SIZE) if nonce is None else nonce
        return drawn + self._seal(key, drawn, plaintext, context)

    def decrypt(self, key: bytes, sealed: bytes, context: bytes = b"") -> bytes:
        """Open what ``encrypt`` sealed; ``DecryptionFailed`` if anything differs."""
        self._check(key)
        if len(sealed) < NONCE_SIZE + TAG_SIZE:
            raise DecryptionFailed(self.code)
        try:
            return self._open(key, sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], context)
        except InvalidTag:
            raise DecryptionFailed(self.code) from None

    def _check(self, key: bytes) -> None:
        if len(key) != self.key_size:
            raise InvalidKey(
                self.code,
                f"需要 {self.key_size} 字节，实为 {len(key)} 字节",
                f"{self.key_size} bytes needed, {len(key)} given",
            )


def _aes_seal(key: bytes, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
    return AESGCM(key).encrypt(nonce, plaintext, context)


def _aes_open(key: bytes, nonce: bytes, body: bytes, context: bytes) -> bytes:
    return AESGCM(key).decrypt(nonce, body, context)


def _sm4_seal(key: bytes, nonce: bytes, plaintext: bytes, context: bytes) -> bytes:
    encryptor = HazmatCipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(context)
    return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def _sm4_open(key: bytes, nonce: bytes, body: bytes, context: bytes) -> bytes:
    tag = body[-TAG_SIZE:]
    decryptor = HazmatCipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(context)
    return decryptor.update(body[:-TAG_SIZE]) + decryptor.finalize()


CIPHERS: Final[dict[str, Cipher]] = {
    "AES256GCM": Cipher("AES256GCM", 32, _aes_seal, _aes_open),
    "SM4GCM": Cipher("SM4GCM", 16, _sm4_seal, _sm4_open),
}


def cipher(code: str) -> Cipher:
    """The cipher registered under ``code``; ``UnknownAlgorithm`` if there is none."""
    try:
        return CIPHERS[code]
    except KeyError:
        raise UnknownAlgorithm("cipher", code, tuple(CIPHERS)) from None
