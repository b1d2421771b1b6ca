"""Digests, keyed digests and key derivation.

SHA-256: FIPS 180-4. SM3: GB/T 32905-2016. HMAC: RFC 2104 (GB/T 15852.2). HKDF: RFC 5869.
"""

import hashlib
import hmac as stdlib_hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import hmac as hazmat_hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from huying.standards.crypto.errors import UnknownAlgorithm

DigestCode = Literal["SHA256", "SM3"]


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest algorithm: ``hash(data)`` returns ``size`` bytes."""

    code: DigestCode
    size: int
    block_size: int
    hash: Callable[[bytes], bytes]
    mac: Callable[[bytes, bytes], bytes]
    """``mac(key, data)``: HMAC over this digest, ``size`` bytes."""
    algorithm: hashes.HashAlgorithm

    def hexdigest(self, data: bytes) -> str:
        """Lower-case hexadecimal of ``hash(data)``."""
        return self.hash(data).hex()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _sha256_mac(key: bytes, data: bytes) -> bytes:
    return stdlib_hmac.digest(key, data, "sha256")


def _sm3(data: bytes) -> bytes:
    # hashlib offers SM3 only where the system's OpenSSL does; the wheel of
    # `cryptography` brings its own.
    running = hashes.Hash(hashes.SM3())
    running.update(data)
    return running.finalize()


def _sm3_mac(key: bytes, data: bytes) -> bytes:
    running = hazmat_hmac.HMAC(key, hashes.SM3())
    running.update(data)
    return running.finalize()


DIGESTS: Final[dict[str, Digest]] = {
    "SHA256": Digest("SHA256", 32, 64, _sha256, _sha256_mac, hashes.SHA256()),
    "SM3": Digest("SM3", 32, 64, _sm3, _sm3_mac, hashes.SM3()),
}


def digest(code: str) -> Digest:
    """The digest registered under ``code``; ``UnknownAlgorithm`` if there is none."""
    try:
        return DIGESTS[code]
    except KeyError:
        raise UnknownAlgorithm("digest", code, tuple(DIGESTS)) from None


def mac(key: bytes, data: bytes, algorithm: str = "SHA256") -> bytes:
    """HMAC of ``data`` under ``key`` (RFC 2104)."""
    return digest(algorithm).mac(key, data)


def blind_index(key: bytes, field: str, value: str, algorithm: str = "SHA256") -> bytes:
    """A searchable, irreversible stand-in for an encrypted value.

    ``field`` (for example ``"person.id_number"``) separates the indexes, so that equal
    values in different columns cannot be linked. The caller normalises ``value`` first.
    """
    return digest(algorithm).mac(key, field.encode() + b"\x00" + value.encode())


def derive_key(master: bytes, purpose: str, size: int = 32, algorithm: str = "SHA256") -> bytes:
    """A key of ``size`` bytes for one ``purpose``, from a master key (HKDF, RFC 5869)."""
    return HKDF(
        algorithm=digest(algorithm).algorithm, length=size, salt=None, info=purpose.encode()
    ).derive(master)
