"""Unified social credit codes of organisations: GB 32100-2015.

Registration authority (1), kind of organisation (1), division code (6), organisation code
of GB 11714 (9), check character (1).
"""

import re
from dataclasses import dataclass
from typing import Final

from huying.standards.errors import InvalidInput

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Digits and capitals without I, O, S, V, Z."""
WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))
_FORM: Final = re.compile(rf"[{ALPHABET}]{{2}}\d{{6}}[{ALPHABET}]{{10}}", re.ASCII)
_VALUE: Final = {character: value for value, character in enumerate(ALPHABET)}


class InvalidCreditCode(InvalidInput):
    """Not a unified social credit code."""

    code = "INVALID_CREDIT_CODE"


@dataclass(frozen=True, slots=True)
class CreditCode:
    """A checked code and its parts."""

    code: str

    @property
    def authority(self) -> str:
        """Who registered it: 1 编办, 5 民政, 9 市场监管 …"""
        return self.code[0]

    @property
    def division_prefix(self) -> str:
        """The six digits of the registering authority's division."""
        return self.code[2:8]

    @property
    def organisation_code(self) -> str:
        """The nine characters of GB 11714."""
        return self.code[8:17]

    def __str__(self) -> str:
        return self.code


def check_character(first17: str) -> str:
    """The eighteenth character for the first seventeen."""
    total = sum(_VALUE[c] * weight for c, weight in zip(first17, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def parse_credit_code(text: str) -> CreditCode:
    """A code as typed (spaces and small letters are forgiven); ``InvalidCreditCode`` if wrong."""
    code = re.sub(r"\s", "", text).upper()
    if not _FORM.fullmatch(code):
        raise InvalidCreditCode(
            "统一社会信用代码应为 18 位数字或大写字母（不含 I、O、S、V、Z），"
            "第 3 至 8 位为数字，请核对。",
            "A unified social credit code has 18 digits or capitals (without I, O, S, V, Z), "
            "characters 3 to 8 being digits. Please check it.",
        )
    if check_character(code[:17]) != code[17]:
        raise InvalidCreditCode(
            "统一社会信用代码的校验位不符，可能有一位输错，请核对。",
            "The check character does not match; one character may be mistyped.",
        )
    return CreditCode(code)
