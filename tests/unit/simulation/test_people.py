"""Residents and staff: valid, fictional, reproducible."""

import datetime as dt

import numpy as np
import pytest

from huying.simulation.fiction import land, offices, residents
from huying.simulation.fiction.sizes import AREA_CODE, Size
from huying.standards.id_number import parse_id_number

TODAY = dt.date(2026, 11, 22)


@pytest.fixture(scope="module")
def county() -> land.Land:
    return land.build(Size.of(1_000), np.random.default_rng(3))


def _people(county: land.Land, count: int, seed: int = 1) -> list[residents.People]:
    return list(residents.generate(county, count, TODAY, np.random.default_rng(seed)))


def test_exactly_as_many_as_asked_for(county: land.Land) -> None:
    assert sum(map(len, _people(county, 4_321))) == 4_321


def test_identity_numbers_are_valid_unique_and_agree_with_the_person(county: land.Land) -> None:
    (people,) = _people(county, 3_000)
    numbers = people.id_number.tolist()
    assert len(set(numbers)) == 3_000
    for number, female, born in zip(
        numbers, people.female.tolist(), people.birth_date.tolist(), strict=True
    ):
        assert number.startswith(AREA_CODE)
        parsed = parse_id_number(number, on=TODAY)
        assert parsed.birth_date == born
        assert (int(number[16]) % 2 == 0) is female


def test_published_check_digits() -> None:
    rows = np.array(
        [[int(digit) for digit in "11010519491231002"], [int(d) for d in "44052418800101001"]]
    )
    assert residents.check_characters(rows).tolist() == ["X", "4"]


def test_telephones_are_of_the_fictional_block(county: land.Land) -> None:
    (people,) = _people(county, 2_000)
    given = [phone for phone in people.phone.tolist() if phone]
    assert all(phone.startswith("19900") and len(phone) == 11 for phone in given)
    assert len(set(given)) == len(given)


def test_households_live_together(county: land.Land) -> None:
    (people,) = _people(county, 2_000)
    by_house = dict(zip(people.household.tolist(), people.grid.tolist(), strict=True))
    assert all(
        by_house[house] == grid
        for house, grid in zip(people.household.tolist(), people.grid.tolist(), strict=True)
    )
    assert len(people.address) == len(by_house)


def test_ages_and_absence_are_plausible(county: land.Land) -> None:
    (people,) = _people(county, 20_000)
    ages = (np.datetime64(TODAY) - people.birth_date).astype(int) / 365.25
    assert ages.min() >= 0
    assert 0.08 < (ages < 15).mean() < 0.2
    assert 0.15 < (ages >= 60).mean() < 0.4
    assert 0.05 < people.away.mean() < 0.2
    assert not people.away[ages < 17].any()


def test_a_seed_reproduces(county: land.Land) -> None:
    (one,), (same,) = _people(county, 500, 9), _people(county, 500, 9)
    assert one.name.tolist() == same.name.tolist()
    assert one.id_number.tolist() == same.id_number.tolist()


def test_every_grid_has_a_worker_and_every_department_officers(county: land.Land) -> None:
    staff = offices.workers(county, np.random.default_rng(1))
    assert {one.grid for one in staff if one.role == "GRID_WORKER"} == {
        g.code for g in county.grids
    }
    for code, *_ in offices.DEPARTMENTS:
        assert sum(one.office == code and one.role == "OFFICER" for one in staff) >= 2
        assert any(one.office == code and one.role == "UNIT_HEAD" for one in staff)
    assert len({one.username for one in staff}) == len({one.name for one in staff}) == len(staff)


def test_demonstration_people_come_first_one_a_role(county: land.Land) -> None:
    staff = offices.workers(county, np.random.default_rng(1))
    assert len({one.role for one in staff[:9]}) == 9


def test_units_have_twelve_departments_and_name_their_parents_first(county: land.Land) -> None:
    units = offices.offices(county, np.random.default_rng(1))
    assert len([one for one in units if one.kind == "DEPARTMENT"]) == 12
    seen: set[str] = set()
    for one in units:
        assert not one.parent or one.parent in seen
        seen.add(one.code)
    assert len(seen) == len(units)
