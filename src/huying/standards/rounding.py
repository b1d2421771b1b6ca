"""Rounding of numerical values: GB/T 8170-2008, clause 3 (四舍六入五成双).

A five with nothing but zeros after it goes to the even digit; anything more rounds up.
The value is rounded once, from all its digits, never step by step (3.3).
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from huying.standards.errors import InvalidInput

Number = int | float | Decimal | str
_LARGEST: Final = Decimal("1e15")


class NotANumber(InvalidInput):
    """A value that cannot be rounded."""

    code = "NOT_A_NUMBER"


def exact(value: Number) -> Decimal:
    """The decimal number as it is written: ``exact(0.15)`` is 0.15, not 0.1499999…"""
    try:
        number = Decimal(float.__repr__(value) if isinstance(value, float) else value)
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > _LARGEST:
        raise NotANumber(
            f"{value!r} 不是可用的数值，请核对。",
            f"{value!r} is not a usable number; please check it.",
        )
    return number


def round_to(value: Number, places: int = 0) -> Decimal:
    """``value`` rounded to ``places`` decimals (negative: to tens, hundreds …)."""
    rounded = exact(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    # Minus zero would be printed as "-0".
    return rounded if rounded else abs(rounded)
