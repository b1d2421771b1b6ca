"""The cyclic redundancy check of HJ 212-2017, annex A (kept by HJ 212-2025).

Not Modbus CRC: each byte is XORed into the register's *high* byte, so only eight bits of
state live on, and the map they go through once a byte has order eight. Bytes whose
distance is a multiple of eight therefore act alike and may be XORed together beforehand,
which one big-integer fold does for the whole segment; eight table steps remain.
"""

from typing import Final

_SEED: Final = 0xFFFF
_POLYNOMIAL: Final = 0xA001
_FOLD_BYTES: Final = 8


def crc_bitwise(segment: bytes) -> int:
    """The check value exactly as annex A writes it; slow, the measure of ``crc``."""
    register = _SEED
    for byte in segment:
        register = (register >> 8) ^ byte
        for _ in range(8):
            lowest = register & 1
            register >>= 1
            if lowest:
                register ^= _POLYNOMIAL
    return register


def _after_byte(register: int) -> int:
    for _ in range(8):
        register = (register >> 1) ^ (_POLYNOMIAL if register & 1 else 0)
    return register


_REGISTER: Final = tuple(_after_byte(state) for state in range(256))
_STATE: Final = tuple(register >> 8 for register in _REGISTER)
_FOLDS: Final = tuple(
    (64 << level, (1 << (64 << level)) - 1) for level in range(12)
)  # widths in bits: 64, 128 … 131072, enough for 9999 bytes and more
_LONGEST: Final = _FOLD_BYTES << len(_FOLDS)


def crc(segment: bytes) -> int:
    """The check value (0 … 65535) of a data segment."""
    size = len(segment)
    if not 0 < size <= _LONGEST:
        return crc_bitwise(segment)
    folded = int.from_bytes(segment, "big") ^ (0xFF << (8 * (size - 1)))
    if size > _FOLD_BYTES:
        widest = ((size - 1) // _FOLD_BYTES).bit_length() - 1
        for width, mask in _FOLDS[widest::-1]:
            folded = (folded >> width) ^ (folded & mask)
    a, b, c, d, e, f, g, h = folded.to_bytes(_FOLD_BYTES, "big")
    step = _STATE
    return _REGISTER[h ^ step[g ^ step[f ^ step[e ^ step[d ^ step[c ^ step[b ^ step[a]]]]]]]]


def crc_text(segment: bytes) -> bytes:
    """Four upper-case hexadecimal digits, high byte first, as they follow the segment."""
    return b"%04X" % crc(segment)
