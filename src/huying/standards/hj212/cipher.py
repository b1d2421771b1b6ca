"""Encryption of CP, HJ 212-2025: SM4-ECB (GB/T 32907-2016) in groups of 16 bytes.

A last group shorter than 16 bytes stays as it is, so the length of the segment does not
change. The CRC is taken over the plaintext. ECB hides little and authenticates nothing:
it is what the standard asks for, not a protection to build on.
"""

import re
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_START: Final = b"CP=&&"
_END: Final = b"&&"
_GROUP: Final = 16
_TEXT: Final = re.compile(rb"[ -~]*")


def encrypt_cp(segment: bytes, key: bytes) -> bytes:
    """The segment with what stands between ``CP=&&`` and the last ``&&`` encrypted."""
    begin, end = _bounds(segment)
    whole = begin + (end - begin) // _GROUP * _GROUP
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305  # the standard's own mode
    return segment[:begin] + encryptor.update(segment[begin:whole]) + segment[whole:]


def decrypt_cp(segment: bytes, key: bytes) -> bytes | None:
    """What ``encrypt_cp`` was given; ``None`` if this is no segment with a CP."""
    try:
        begin, end = _bounds(segment)
    except ValueError:
        return None
    whole = begin + (end - begin) // _GROUP * _GROUP
    decryptor = Cipher(algorithms.SM4(key), modes.ECB()).decryptor()  # noqa: S305  # the standard's own mode
    return segment[:begin] + decryptor.update(segment[begin:whole]) + segment[whole:]


def looks_encrypted(segment: bytes) -> bool:
    """Whether no group of CP is text: so what noise leaves of a plain one can be told apart.

    Chance makes text of a random group once in ten million. CP of a single group, which noise
    may have hit as a whole, is never said to be encrypted.
    """
    try:
        begin, end = _bounds(segment)
    except ValueError:
        return False
    groups = [segment[at : at + _GROUP] for at in range(begin, end - _GROUP + 1, _GROUP)]
    return len(groups) > 1 and not any(_TEXT.fullmatch(group) for group in groups)


def _bounds(segment: bytes) -> tuple[int, int]:
    begin = segment.index(_START) + len(_START)
    end = segment.rindex(_END)
    if end < begin:
        raise ValueError("CP 没有结束符 && / CP is not closed by &&")
    return begin, end
