"""Receipt codes: twelve characters of Crockford's base 32, 60 random bits, nobody can guess.

The alphabet has no I, L, O, U, so that a code can be read over the telephone.
"""

import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 12
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": "", "－": "", "—": ""})


def new_receipt() -> str:
    number = secrets.randbits(5 * LENGTH)
    return "".join(ALPHABET[number >> 5 * place & 31] for place in range(LENGTH))


def display(receipt: str) -> str:
    """XXXX-XXXX-XXXX, as people copy it."""
    return "-".join(receipt[start : start + 4] for start in range(0, len(receipt), 4))


def read(text: str) -> str:
    """What somebody typed, as stored; "" where it cannot be a receipt."""
    code = text.strip().upper().translate(_READ_AS)
    return code if len(code) == LENGTH and all(letter in ALPHABET for letter in code) else ""


def case_number(case_id: int, year: int) -> str:
    """The number people say: 2026-000123."""
    return f"{year}-{case_id:06d}"
