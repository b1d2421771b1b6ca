"""Residents in households, in chunks: ages, sexes, names, ID numbers, telephones, addresses.

ID numbers are valid by GB 11643 and begin with the fictional area code 990101, which GB/T 2260
has never assigned; telephones are 199-00xx-xxxx. None of them is anybody's.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huying.simulation.fiction import person_names, place_names
from huying.simulation.fiction.land import Land
from huying.simulation.fiction.sizes import AREA_CODE

HOUSEHOLDS_A_CHUNK = 20_000
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CHECKS = np.array(list("10X98765432"))
_HOUSEHOLD_SIZES = (1, 2, 3, 4, 5, 6)
_HOUSEHOLD_SHARES = (0.22, 0.29, 0.22, 0.15, 0.08, 0.04)
_AWAY_IN_COUNTRY, _AWAY_IN_TOWN = 0.30, 0.09
_FROM_ELSEWHERE_IN_COUNTY = 0.35  # of adults in town households are registered in a village
_MAX_PHONES = 1_000_000

Strings = npt.NDArray[np.str_]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class People:
    """Columns of one chunk. `household` counts from 0 over the whole county.

    `address` is one a household; `grid` and `registered` are indexes into the land's grids and
    villages. `phone` is "" for children and some of the old.
    """

    first_household: int
    address: Strings
    household_grid: Integers
    household: Integers
    name: Strings
    id_number: Strings
    phone: Strings
    female: Bools
    birth_date: npt.NDArray[np.datetime64]
    grid: Integers
    registered: Integers
    away: Bools

    def __len__(self) -> int:
        return len(self.household)


def generate(
    land: Land, residents: int, today: dt.date, rng: np.random.Generator
) -> Iterator[People]:
    """All residents, a chunk of whole households at a time; exactly `residents` of them."""
    share = np.array([1.35 if g.urban else 0.85 for g in land.grids])
    share[[g.kind == "SPECIAL" for g in land.grids]] *= 0.3
    share /= share.sum()
    used = _Sequences()
    made = households = 0
    while made < residents:
        sizes = rng.choice(_HOUSEHOLD_SIZES, HOUSEHOLDS_A_CHUNK, p=_HOUSEHOLD_SHARES)
        upto = np.cumsum(sizes)
        last = int(np.searchsorted(upto, residents - made))
        if last < len(sizes):
            sizes = sizes[: last + 1]
            sizes[-1] -= int(upto[last]) - (residents - made)
        grids = rng.choice(len(land.grids), len(sizes), p=share)
        chunk = _chunk(land, sizes, grids, households, made, today, rng, used)
        made += len(chunk)
        households += len(sizes)
        yield chunk


class _Sequences:
    """Sequence numbers of ID numbers: no two people born on one day share one."""

    def __init__(self) -> None:
        self._next: dict[tuple[int, bool], int] = {}

    def draw(self, days: Integers, female: Bools) -> Integers:
        order = np.lexsort((female, days))
        result = np.empty(len(days), dtype=np.int64)
        keys = days * 2 + female
        sorted_keys = keys[order]
        starts = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
        for start, end in zip(starts, np.r_[starts[1:], len(keys)], strict=True):
            key = (int(days[order[start]]), bool(female[order[start]]))
            first = self._next.get(key, 1 + (key[0] * 37) % 60)
            ranks = first + np.arange(end - start)
            self._next[key] = first + int(end - start)
            # The 17th digit is odd for men, even for women.
            result[order[start:end]] = np.where(key[1], ranks * 2, ranks * 2 - 1) % 1000
        return result


def check_characters(first_17: npt.NDArray[np.int64]) -> Strings:
    """The last character (GB 11643-1999, 4.4) of rows of 17 digits."""
    return np.asarray(_CHECKS[(first_17 * _WEIGHTS).sum(axis=1) % 11])


def id_numbers(birth_date: npt.NDArray[np.datetime64], sequence: Integers) -> Strings:
    """Valid ID numbers of the fictional area for days of birth and sequence numbers."""
    compact = np.char.replace(birth_date.astype("datetime64[D]").astype(str), "-", "")
    bodies = np.char.add(
        np.char.add(AREA_CODE, compact), np.char.zfill(sequence.astype(str), 3)
    ).astype("U17")
    digits = np.ascontiguousarray(bodies).view("U1").reshape(len(bodies), 17).astype(np.int64)
    return np.char.add(bodies, check_characters(digits))


def _ages(sizes: Integers, rng: np.random.Generator) -> tuple[Integers, Integers, Bools]:
    """(household index, age, is head) for each person: couples, children, grandparents."""
    household = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(len(household)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    head_age = np.clip(rng.gamma(9.0, 5.6, len(sizes)), 20, 92).astype(int)
    old_single = (sizes <= 2) & (rng.random(len(sizes)) < 0.45)
    head_age[old_single] = rng.integers(60, 88, int(old_single.sum()))
    base = head_age[household]
    count = len(household)
    age = base.copy()
    spouse = within == 1
    age[spouse] = base[spouse] + rng.integers(-4, 4, int(spouse.sum()))
    child = (within == 2) | (within == 3)
    age[child] = base[child] - rng.integers(22, 31, int(child.sum()))
    elder = within >= 4
    upward = elder & (base < 62)
    age[upward] = base[upward] + rng.integers(21, 28, int(upward.sum()))
    downward = elder & ~upward
    age[downward] = base[downward] - rng.integers(44, 56, int(downward.sum()))
    age = np.where(age < 0, rng.integers(0, 12, count), age)
    return household, np.clip(age, 0, 99), within == 0


def _chunk(
    land: Land,
    sizes: Integers,
    grids: Integers,
    first_household: int,
    first_person: int,
    today: dt.date,
    rng: np.random.Generator,
    used: _Sequences,
) -> People:
    household, age, is_head = _ages(sizes, rng)
    count = len(household)
    female = rng.random(count) < 0.49
    same_house = np.r_[False, household[1:] == household[:-1]]
    spouse = np.r_[False, is_head[:-1]] & same_house
    female[spouse] = ~female[np.flatnonzero(spouse) - 1]
    days_old = age * 365.25 + rng.integers(1, 360, count)
    birth = np.datetime64(today, "D") - days_old.astype(np.int64).astype("timedelta64[D]")
    family = person_names.surnames(rng, len(sizes))[household]
    married_in = spouse | (age >= 60)
    family[married_in] = person_names.surnames(rng, int(married_in.sum()))
    years = birth.astype("datetime64[Y]").astype(int) + 1970
    name = np.char.add(family, person_names.given_names(rng, female, years))
    sequence = used.draw(birth.astype(np.int64), female)
    has_phone = (age >= 14) & ((age < 75) | (rng.random(count) < 0.5))
    numbers = 19_900_000_000 + (first_person + np.arange(count)) % _MAX_PHONES
    phone = np.where(has_phone, numbers.astype(str), "")
    grid = grids[household]
    urban = np.array([g.urban for g in land.grids])
    village_at = {v.code: at for at, v in enumerate(land.villages)}
    village_of_grid = np.array([village_at[g.village_code] for g in land.grids])
    country = np.flatnonzero([not v.urban for v in land.villages])
    registered = village_of_grid[grid]
    moved = urban[grid] & (age >= 18) & (rng.random(count) < _FROM_ELSEWHERE_IN_COUNTY)
    registered = np.where(moved, rng.choice(country, count), registered)
    may_leave = (age >= 18) & (age < 58)
    chance = np.where(urban[grid], _AWAY_IN_TOWN, _AWAY_IN_COUNTRY)
    away = may_leave & (rng.random(count) < chance)
    return People(
        first_household=first_household,
        address=_addresses(land, grids, rng),
        household_grid=grids,
        household=household + first_household,
        name=name,
        id_number=id_numbers(birth, sequence),
        phone=phone,
        female=female,
        birth_date=birth,
        grid=grid,
        registered=registered,
        away=away,
    )


def _addresses(land: Land, grids: Integers, rng: np.random.Generator) -> Strings:
    """One address a household: estate, building and flat in town, group and number in villages."""
    count = len(grids)
    estate = rng.integers(0, len(place_names.ESTATES), count)
    group = rng.integers(0, 8, count)
    building, unit = rng.integers(1, 29, count), rng.integers(1, 5, count)
    floor, door = rng.integers(1, 19, count), rng.integers(1, 4, count)
    number = rng.integers(1, 180, count)
    heads = []
    for g in land.grids:
        village = land.village(g.village_code)
        heads.append(f"{land.name}{land.township(village.township_code).name}{village.name}")
    rows = []
    for at, which in enumerate(grids.tolist()):
        if land.grids[which].urban:
            rows.append(
                f"{heads[which]}{place_names.ESTATES[estate[at]]}{building[at]}号楼{unit[at]}单元"
                f"{floor[at]}{door[at]:02d}室"
            )
        else:
            rows.append(f"{heads[which]}{place_names.GROUPS[group[at]]}组{number[at]}号")
    return np.array(rows)
