"""Cryptography with an international and a domestic twin for every purpose.

| purpose   | international                  | domestic                              |
|-----------|--------------------------------|---------------------------------------|
| digest    | ``SHA256`` (FIPS 180-4)        | ``SM3`` (GB/T 32905-2016)             |
| cipher    | ``AES256GCM`` (NIST SP 800-38D)| ``SM4GCM`` (GB/T 32907-2016, RFC 8998)|
| signature | ``ED25519`` (RFC 8032)         | ``SM2`` (GB/T 32918.2-2016)           |

Everything is chosen by its code, so that a record can say which algorithm made it:
``digest("SM3").hash(data)``, ``cipher("SM4GCM").encrypt(key, plaintext)``,
``signer("SM2", private_key).sign(message)``. Keys are bytes in and bytes out.
An unknown code raises ``UnknownAlgorithm``.
"""

from huying.standards.crypto.ciphers import (
    CIPHERS,
    Cipher,
    CipherCode,
    DecryptionFailed,
    cipher,
)
from huying.standards.crypto.digests import (
    DIGESTS,
    Digest,
    DigestCode,
    blind_index,
    derive_key,
    digest,
    mac,
)
from huying.standards.crypto.errors import InvalidKey, UnknownAlgorithm
from huying.standards.crypto.signatures import (
    SIGNATURES,
    SignatureCode,
    SignatureScheme,
    Signer,
    Verifier,
    generate_private_key,
    signature_scheme,
    signer,
    verifier,
)

__all__ = [
    "CIPHERS",
    "DIGESTS",
    "SIGNATURES",
    "Cipher",
    "CipherCode",
    "DecryptionFailed",
    "Digest",
    "DigestCode",
    "InvalidKey",
    "SignatureCode",
    "SignatureScheme",
    "Signer",
    "UnknownAlgorithm",
    "Verifier",
    "blind_index",
    "cipher",
    "derive_key",
    "digest",
    "generate_private_key",
    "mac",
    "signature_scheme",
    "signer",
    "verifier",
]
