"""A register of residents as an office keeps it: a CSV, a line a person, checked line by line."""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from huying.standards.id_number import InvalidIdNumber, parse_id_number

COLUMNS: Final = (
    "户号", "姓名", "身份证号", "电话", "户籍地", "居住地", "住址", "网格", "外出",
)  # fmt: skip
REQUIRED: Final = COLUMNS[:3]
_YES: Final = frozenset({"是", "外出", "1", "Y", "YES", "TRUE"})
_ELSEWHERE: Final = frozenset({"", "外地", "县外"})
"""A place outside the county: it has no division here."""
_NO: Final = frozenset({"", "否", "在家", "0", "N", "NO", "FALSE"})


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """One resident. `sex` and `birth_date` are what the ID number says; codes are known ones."""

    household: str
    name: str
    id_number: str
    phone: str
    registered_division: str | None
    residence_division: str | None
    address: str
    grid_code: str | None
    is_away: bool
    sex: str
    birth_date: date


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line that cannot be used. Says which column and why, never the value: it is personal."""

    line: int
    zh: str
    en: str


class NotARegister(ValueError):
    """The first line lacks columns; `missing` names them."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__("、".join(missing))
        self.missing = missing


def read_register(
    lines: Iterable[str],
    *,
    divisions: Mapping[str, str],
    grids: Collection[str],
    on: date,
) -> Iterator[RegisterLine | WrongLine]:
    """The lines of a register, each checked. Raises `NotARegister` before the first.

    divisions  {name or code as written: code}; a name two places share is left out
    grids      the codes of the county's grids (15 digits)
    on         today: nobody is born later
    """
    table = csv.DictReader(lines)
    missing = [name for name in REQUIRED if name not in (table.fieldnames or ())]
    if missing:
        raise NotARegister(missing)
    for row in table:
        cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
        if any(cells.values()):
            yield _line(table.line_num, cells, divisions, grids, on)


def _line(
    number: int,
    cells: Mapping[str, str],
    divisions: Mapping[str, str],
    grids: Collection[str],
    on: date,
) -> RegisterLine | WrongLine:
    if not cells["姓名"]:
        return WrongLine(number, "没有姓名", "no name (姓名)")
    try:
        identity = parse_id_number(cells["身份证号"], on=on)
    except InvalidIdNumber:
        return WrongLine(number, "身份证号不对", "wrong ID number (身份证号)")
    for column in ("户籍地", "居住地"):
        if cells[column] not in divisions and cells[column] not in _ELSEWHERE:
            return WrongLine(number, f"找不到{column}", f"unknown division ({column})")
    if cells["网格"] and cells["网格"] not in grids:
        return WrongLine(number, "没有这个网格", "unknown grid (网格)")
    away = cells["外出"].upper()
    if away not in _YES | _NO:
        return WrongLine(number, "“外出”请填是或否", "外出 is 是 or 否")
    return RegisterLine(
        household=cells["户号"],
        name=cells["姓名"],
        id_number=identity.number,
        phone=cells["电话"],
        registered_division=divisions.get(cells["户籍地"]),
        residence_division=divisions.get(cells["居住地"]),
        address=cells["住址"],
        grid_code=cells["网格"] or None,
        is_away=away in _YES,
        sex=identity.sex.value,
        birth_date=identity.birth_date,
    )
