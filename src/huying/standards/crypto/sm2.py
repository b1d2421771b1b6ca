"""SM2 signatures: GB/T 32918.2-2016 on the curve of GB/T 32918.5-2017, digest SM3.

The curve arithmetic is gmssl's. Around it this module does what a signature needs and
gmssl leaves to its caller: nonces from the operating system, range and curve checks, the
Z value of any user identity, public keys that begin with zeros, and a plain ``False``
for malformed signatures. Not constant-time: sign where an attacker cannot measure.
"""

import secrets
from typing import Final

from gmssl.sm2 import CryptSM2, default_ecc_table

from huying.standards.crypto.digests import digest
from huying.standards.crypto.errors import InvalidKey

P: Final = int(default_ecc_table["p"], 16)
A: Final = int(default_ecc_table["a"], 16)
B: Final = int(default_ecc_table["b"], 16)
N: Final = int(default_ecc_table["n"], 16)
GENERATOR: Final = bytes.fromhex(default_ecc_table["g"])

DEFAULT_USER_ID: Final = b"1234567812345678"
"""The user identity where none was agreed (GM/T 0009-2012, clause 10)."""

KEY_SIZE: Final = 32
PUBLIC_KEY_SIZE: Final = 64
SIGNATURE_SIZE: Final = 64

_sm3 = digest("SM3").hash


def _curve(private_hex: str = "", public_key: bytes = b"") -> CryptSM2:
    curve = CryptSM2(private_key=private_hex, public_key="")
    # Set, not passed: the constructor strips leading "0" and "4" digits of a key that
    # begins with 04, whether or not they are the prefix of an uncompressed point.
    curve.public_key = public_key.hex()
    return curve


def generate() -> bytes:
    """A private key: 32 bytes, in [1, n-2]."""
    return (1 + secrets.randbelow(N - 2)).to_bytes(KEY_SIZE, "big")


def public_key(private: bytes) -> bytes:
    """The public point ``x || y`` (64 bytes) of a private key."""
    scalar = int.from_bytes(private, "big")
    if len(private) != KEY_SIZE or not 1 <= scalar <= N - 2:
        raise InvalidKey("SM2", "应为 32 字节且在 [1, n-2] 之内", "32 bytes within [1, n-2] needed")
    point: str = _curve()._kg(scalar, default_ecc_table["g"])
    return bytes.fromhex(point)


def checked_public_key(public: bytes) -> bytes:
    """``x || y`` of a public key given with or without the 04 prefix, proven on the curve."""
    raw = public[1:] if len(public) == PUBLIC_KEY_SIZE + 1 and public[0] == 4 else public
    x, y = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    on_curve = x < P and y < P and (y * y - (x * x * x + A * x + B)) % P == 0
    if len(raw) != PUBLIC_KEY_SIZE or not on_curve:
        raise InvalidKey("SM2", "公钥不是曲线上的点", "the public key is not a point of the curve")
    return raw


def z_value(public: bytes, user_id: bytes = DEFAULT_USER_ID) -> bytes:
    """Z: what binds a signature to the signer's identity and key (clause 5.5)."""
    bits = (len(user_id) * 8).to_bytes(2, "big")
    constants = A.to_bytes(32, "big") + B.to_bytes(32, "big") + GENERATOR
    return _sm3(bits + user_id + constants + public)


def sign(
    private: bytes,
    public: bytes,
    message: bytes,
    *,
    user_id: bytes = DEFAULT_USER_ID,
    nonce: int | None = None,
) -> bytes:
    """``r || s`` (64 bytes). ``nonce`` is for published test vectors only."""
    e = _sm3(z_value(public, user_id) + message)
    curve = _curve(private.hex(), public)
    while True:
        k = 1 + secrets.randbelow(N - 1) if nonce is None else nonce
        signature: str | None = curve.sign(e, f"{k:064x}")
        if signature is not None:
            return bytes.fromhex(signature)
        if nonce is not None:
            raise ValueError("随机数不可用，请更换。 / This nonce cannot be used; draw another.")


def verify(
    public: bytes, message: bytes, signature: bytes, *, user_id: bytes = DEFAULT_USER_ID
) -> bool:
    """Whether ``signature`` is ``public``'s over ``message``; never raises on bad input."""
    if len(signature) != SIGNATURE_SIZE:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (1 <= r < N and 1 <= s < N):
        return False
    e = _sm3(z_value(public, user_id) + message)
    try:
        return bool(_curve(public_key=public).verify(signature.hex(), e))
    except (TypeError, ValueError):
        # gmssl has no point at infinity and trips over one; such a signature is not valid.
        return False
