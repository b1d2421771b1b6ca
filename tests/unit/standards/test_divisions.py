"""Codes of divisions and grids, also against a public list of all townships."""

import csv
import gzip
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.divisions import (
    DivisionCode,
    GridCode,
    InvalidDivisionCode,
    Level,
    TownshipKind,
    UrbanRuralClass,
    VillageKind,
    parse_division,
    parse_grid,
)

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("HUYING_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))

villages = st.tuples(st.integers(110000, 829999), st.integers(1, 599), st.integers(1, 599)).map(
    lambda t: DivisionCode(f"{t[0]}{t[1]:03d}{t[2]:03d}")
)


@pytest.mark.parametrize(
    ("text", "code", "level"),
    [
        ("11", "110000000000", Level.PROVINCE),
        ("4401", "440100000000", Level.PREFECTURE),
        ("110101", "110101000000", Level.COUNTY),
        ("110101001", "110101001000", Level.TOWNSHIP),
        (" 110101001001 ", "110101001001", Level.VILLAGE),
    ],
)
def test_short_and_full_forms(text: str, code: str, level: Level) -> None:
    division = parse_division(text)
    assert (division.code, division.level) == (code, level)
    assert division.prefix == text.strip()
    assert str(division) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "110",
        "11010",
        "01",
        "1101010010011",
        "11010a",
        "１１",
        "110101000001",
        "110101-001",
    ],
)
def test_refusals_say_what_is_wrong_in_both_languages(text: str) -> None:
    with pytest.raises(InvalidDivisionCode) as caught:
        parse_division(text)
    assert "代码" in caught.value.zh
    assert caught.value.en.isascii() or text in caught.value.en


def test_ancestors_skip_a_level_that_does_not_exist() -> None:
    village = parse_division("110101001001")
    assert [a.prefix for a in village.ancestors] == ["11", "1101", "110101", "110101001"]
    dongguan = parse_division("441900003")
    assert [a.prefix for a in dongguan.ancestors] == ["44", "4419"]
    assert dongguan.parent == parse_division("4419")
    assert dongguan.at(Level.COUNTY) is None
    assert parse_division("44").parent is None


@given(village=villages)
def test_ancestors_contain_it_and_levels_descend(village: DivisionCode) -> None:
    chain = (*village.ancestors, village)
    assert [d.level for d in chain] == sorted({d.level for d in chain})
    assert all(above.contains(village) for above in chain)
    assert not any(village.contains(above) for above in village.ancestors)
    for above, below in pairwise(chain):
        assert below.parent == above


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("110101001", TownshipKind.SUBDISTRICT),
        ("110101099", TownshipKind.SUBDISTRICT),
        ("110101100", TownshipKind.TOWN),
        ("110101199", TownshipKind.TOWN),
        ("110101200", TownshipKind.TOWNSHIP),
        ("110101399", TownshipKind.TOWNSHIP),
        ("110101400", TownshipKind.ENTERPRISE),
        ("110101599", TownshipKind.ENTERPRISE),
        ("110101600", TownshipKind.OTHER),
        ("110101", None),
    ],
)
def test_township_kind(code: str, kind: TownshipKind | None) -> None:
    assert parse_division(code).township_kind is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("110101001001", VillageKind.RESIDENTS_COMMITTEE),
        ("110101001199", VillageKind.RESIDENTS_COMMITTEE),
        ("110101001200", VillageKind.VILLAGERS_COMMITTEE),
        ("110101001399", VillageKind.VILLAGERS_COMMITTEE),
        ("110101001400", VillageKind.OTHER),
        ("110101001", None),
    ],
)
def test_village_kind(code: str, kind: VillageKind | None) -> None:
    assert parse_division(code).village_kind is kind


def test_urban_rural_class() -> None:
    assert UrbanRuralClass("121").zh == "镇中心区"
    assert [c.value for c in UrbanRuralClass if not c.is_urban] == ["210", "220"]


@given(village=villages, sequence=st.integers(1, 999))
def test_grid_round_trip(village: DivisionCode, sequence: int) -> None:
    grid = GridCode(village, sequence)
    assert len(grid.code) == 15
    assert parse_grid(str(grid)) == grid


@pytest.mark.parametrize(
    "text", ["110101001001000", "110101001000001", "11010100100100", "1101010010010011", "网格"]
)
def test_grid_refusals(text: str) -> None:
    with pytest.raises(InvalidDivisionCode):
        parse_grid(text)


@pytest.mark.skipif(not (DATA / "divisions").is_dir(), reason="the shared data is not here")
def test_public_list_of_townships() -> None:
    with gzip.open(DATA / "divisions" / "townships.csv.gz", "rt", encoding="utf-8") as lines:
        # A county without listed towns appears once under its own code.
        rows = [row for row in csv.DictReader(lines) if not row["code"].endswith("000")]
    right: Counter[bool] = Counter()
    suffixes = {
        TownshipKind.SUBDISTRICT: "街道",
        TownshipKind.TOWN: "镇",
        TownshipKind.TOWNSHIP: "乡",
    }
    for row in rows:
        division = parse_division(row["code"])
        assert division.level is Level.TOWNSHIP
        parent = division.parent
        assert parent is not None
        assert row["areaCode"].startswith(parent.prefix)
        suffix = suffixes.get(division.township_kind or TownshipKind.OTHER)
        if suffix is not None:
            right[suffix in row["name"]] += 1
    assert right[True] / right.total() > 0.98
