"""Administrative division codes.

Counties and above: GB/T 2260-2007 (6 digits). Below: GB/T 10114-2003 and the National
Bureau of Statistics' 《统计用区划代码和城乡划分代码编制规则》 (12 digits = 6 + 3 township +
3 village). Grids: 12 digits of the village or community + a sequence of 3, as in GB/T
34300-2017.
"""

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from huying.standards.errors import InvalidInput

CODE_LENGTH: Final = 12
GRID_LENGTH: Final = 15


class InvalidDivisionCode(InvalidInput):
    """Not a code of a division or grid."""

    code = "INVALID_DIVISION_CODE"


class Level(IntEnum):
    """How deep a division lies; larger is smaller."""

    PROVINCE = 1
    PREFECTURE = 2
    COUNTY = 3
    TOWNSHIP = 4
    VILLAGE = 5

    @property
    def prefix_length(self) -> int:
        """How many of the 12 digits say which division of this level it is."""
        return (2, 4, 6, 9, 12)[self - 1]


class TownshipKind(StrEnum):
    """What digits 7–9 say a township-level division is."""

    SUBDISTRICT = "SUBDISTRICT"  # 001–099 街道
    TOWN = "TOWN"  # 100–199 镇
    TOWNSHIP = "TOWNSHIP"  # 200–399 乡
    ENTERPRISE = "ENTERPRISE"  # 400–599 政企合一的单位
    OTHER = "OTHER"


class VillageKind(StrEnum):
    """What digits 10–12 say a village-level division is."""

    RESIDENTS_COMMITTEE = "RESIDENTS_COMMITTEE"  # 001–199 居民委员会
    VILLAGERS_COMMITTEE = "VILLAGERS_COMMITTEE"  # 200–399 村民委员会
    OTHER = "OTHER"


class UrbanRuralClass(StrEnum):
    """城乡分类代码; the values are the Bureau's own numbers."""

    URBAN_CORE = "111"
    URBAN_FRINGE = "112"
    TOWN_CORE = "121"
    TOWN_FRINGE = "122"
    SPECIAL_AREA = "123"
    TOWNSHIP_CORE = "210"
    VILLAGE = "220"

    @property
    def is_urban(self) -> bool:
        """Whether statistics count it as urban (城镇)."""
        return self.value[0] == "1"

    @property
    def zh(self) -> str:
        """The Bureau's word for it."""
        return _URBAN_RURAL_ZH[self]


_URBAN_RURAL_ZH: Final = {
    UrbanRuralClass.URBAN_CORE: "主城区",
    UrbanRuralClass.URBAN_FRINGE: "城乡结合区",
    UrbanRuralClass.TOWN_CORE: "镇中心区",
    UrbanRuralClass.TOWN_FRINGE: "镇乡结合区",
    UrbanRuralClass.SPECIAL_AREA: "特殊区域",
    UrbanRuralClass.TOWNSHIP_CORE: "乡中心区",
    UrbanRuralClass.VILLAGE: "村庄",
}
_SHORT_FORM: Final = re.compile(r"[1-9]\d(?:\d{2}(?:\d{2}(?:\d{3}(?:\d{3})?)?)?)?", re.ASCII)
_GRID_FORM: Final = re.compile(r"[1-9]\d{14}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class DivisionCode:
    """A division by its 12-digit code; make one with ``parse_division``."""

    code: str

    def __post_init__(self) -> None:
        code = self.code
        if len(code) != CODE_LENGTH or not _SHORT_FORM.fullmatch(code):
            raise InvalidDivisionCode(
                f"行政区划代码应为 12 位数字，现为 {code!r}。",
                f"A division code has 12 digits; got {code!r}.",
            )
        if code[6:9] == "000" and code[9:] != "000":
            raise InvalidDivisionCode(
                f"{code} 缺少乡镇（街道）代码，请核对第 7 至 9 位。",
                f"{code} names a village without its township; check digits 7 to 9.",
            )

    @property
    def level(self) -> Level:
        """Its level, read from the trailing zeros."""
        code = self.code
        if code[9:] != "000":
            return Level.VILLAGE
        if code[6:9] != "000":
            return Level.TOWNSHIP
        if code[4:6] != "00":
            return Level.COUNTY
        return Level.PREFECTURE if code[2:4] != "00" else Level.PROVINCE

    @property
    def prefix(self) -> str:
        """The significant digits: 2, 4, 6, 9 or 12 of them. All inside begin with it."""
        return self.code[: self.level.prefix_length]

    @property
    def parent(self) -> "DivisionCode | None":
        """The division it belongs to; ``None`` for a province.

        Where a level is absent (东莞 has towns and no counties) it is the next one up.
        """
        ancestors = self.ancestors
        return ancestors[-1] if ancestors else None

    @property
    def ancestors(self) -> tuple["DivisionCode", ...]:
        """The divisions it lies in, the province first, itself not included."""
        found: list[DivisionCode] = []
        for level in Level:
            if level >= self.level:
                break
            above = self.at(level)
            if above is not None:
                found.append(above)
        return tuple(found)

    def at(self, level: Level) -> "DivisionCode | None":
        """The division of ``level`` it is or lies in; ``None`` where there is none."""
        padded = DivisionCode(self.code[: level.prefix_length].ljust(CODE_LENGTH, "0"))
        return padded if padded.level is level else None

    def contains(self, other: "DivisionCode") -> bool:
        """Whether ``other`` is this division or lies in it."""
        return other.code.startswith(self.prefix)

    @property
    def township_kind(self) -> TownshipKind | None:
        """街道, 镇, 乡 …; ``None`` above township level."""
        number = int(self.code[6:9])
        if number == 0:
            return None
        for top, kind in (
            (99, TownshipKind.SUBDISTRICT),
            (199, TownshipKind.TOWN),
            (399, TownshipKind.TOWNSHIP),
            (599, TownshipKind.ENTERPRISE),
        ):
            if number <= top:
                return kind
        return TownshipKind.OTHER

    @property
    def village_kind(self) -> VillageKind | None:
        """居委会 or 村委会; ``None`` above village level."""
        number = int(self.code[9:])
        if number == 0:
            return None
        if number <= 199:
            return VillageKind.RESIDENTS_COMMITTEE
        return VillageKind.VILLAGERS_COMMITTEE if number <= 399 else VillageKind.OTHER

    def __str__(self) -> str:
        return self.code


def parse_division(text: str) -> DivisionCode:
    """A division from 2, 4, 6, 9 or 12 digits; short forms are filled up with zeros.

    Raises ``InvalidDivisionCode``.
    """
    digits = text.strip()
    if not _SHORT_FORM.fullmatch(digits):
        raise InvalidDivisionCode(
            f"行政区划代码应为 2、4、6、9 或 12 位数字，现为 {text!r}。",
            f"A division code has 2, 4, 6, 9 or 12 digits; got {text!r}.",
        )
    return DivisionCode(digits.ljust(CODE_LENGTH, "0"))


@dataclass(frozen=True, slots=True, order=True)
class GridCode:
    """A grid: its village or community and its number there."""

    division: DivisionCode
    sequence: int

    def __post_init__(self) -> None:
        if self.division.level is not Level.VILLAGE:
            raise InvalidDivisionCode(
                f"网格须隶属于村或社区，{self.division} 不是村级代码。",
                f"A grid belongs to a village or community; {self.division} is not one.",
            )
        if not 1 <= self.sequence <= 999:
            raise InvalidDivisionCode(
                f"网格顺序号应在 001 至 999 之间，现为 {self.sequence}。",
                f"A grid's number lies between 001 and 999, not {self.sequence}.",
            )

    @property
    def code(self) -> str:
        """15 digits."""
        return f"{self.division.code}{self.sequence:03d}"

    def __str__(self) -> str:
        return self.code


def parse_grid(text: str) -> GridCode:
    """A grid from its 15 digits; ``InvalidDivisionCode`` if they are not one."""
    digits = text.strip()
    if not _GRID_FORM.fullmatch(digits):
        raise InvalidDivisionCode(
            f"网格编码应为 15 位数字，现为 {text!r}。",
            f"A grid code has 15 digits; got {text!r}.",
        )
    return GridCode(DivisionCode(digits[:CODE_LENGTH]), int(digits[CODE_LENGTH:]))
