"""Citizen identification numbers: GB 11643-1999 (in the form of 2019's 18 digits).

Six digits of the place of first registration, eight of the birth date, three of sequence
(odd for men, even for women) and a check digit (ISO 7064 MOD 11-2). Residence permits of
Hong Kong, Macao and Taiwan residents follow the same form.
"""

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from huying.standards.errors import InvalidInput

WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS: Final = "10X98765432"
_FORM: Final = re.compile(r"[1-9]\d{16}[\dX]", re.ASCII)
_SHORTEST_MASKABLE: Final = 15


class Sex(StrEnum):
    """As the sequence number says."""

    MALE = "MALE"
    FEMALE = "FEMALE"


class InvalidIdNumber(InvalidInput):
    """Not a citizen identification number. The message never repeats the number."""

    code = "INVALID_ID_NUMBER"


@dataclass(frozen=True, slots=True)
class IdNumber:
    """A checked number and what it says."""

    number: str
    birth_date: dt.date
    sex: Sex

    @property
    def division_prefix(self) -> str:
        """The six digits of where it was first issued (a code of that time)."""
        return self.number[:6]

    @property
    def masked(self) -> str:
        """``110105********002X``."""
        return mask_id_number(self.number)

    def age(self, on: dt.date) -> int:
        """Full years on a date (周岁)."""
        had_birthday = (on.month, on.day) >= (self.birth_date.month, self.birth_date.day)
        return on.year - self.birth_date.year - (not had_birthday)

    def __repr__(self) -> str:
        return f"<IdNumber {self.masked}>"


def check_digit(first17: str) -> str:
    """The eighteenth character for the first seventeen digits."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, WEIGHTS, strict=True))
    return CHECK_DIGITS[total % 11]


def parse_id_number(text: str, *, on: dt.date) -> IdNumber:
    """A number as typed (spaces and a small x are forgiven), checked as of the date ``on``.

    Raises ``InvalidIdNumber`` with what to correct.
    """
    number = re.sub(r"\s", "", text).upper()
    if not _FORM.fullmatch(number):
        raise InvalidIdNumber(
            "身份证号码应为 18 位：前 17 位是数字，最后一位是数字或 X，请核对。",
            "An ID number has 18 characters: 17 digits, then a digit or X. Please check it.",
        )
    try:
        born = dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        born = None
    if born is None or born > on:
        raise InvalidIdNumber(
            "身份证号码第 7 至 14 位应为出生日期，请核对。",
            "Digits 7 to 14 of an ID number are the date of birth. Please check them.",
        )
    if check_digit(number[:17]) != number[17]:
        raise InvalidIdNumber(
            "身份证号码的校验位不符，可能有一位输错，请核对。",
            "The check digit of the ID number does not match; one digit may be mistyped.",
        )
    return IdNumber(number, born, Sex.MALE if int(number[16]) % 2 else Sex.FEMALE)


def mask_id_number(text: str) -> str:
    """The first six and last four characters, the rest as ``*``; all of it if too short."""
    if len(text) < _SHORTEST_MASKABLE:
        return "*" * len(text)
    return f"{text[:6]}{'*' * (len(text) - 10)}{text[-4:]}"
