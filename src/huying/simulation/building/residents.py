"""Residents and households into the vault, a chunk at a time."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from huying.cases.actions import Contact
from huying.directory import actions
from huying.directory.permissions import Actor
from huying.simulation.fiction import residents as fiction
from huying.simulation.fiction.land import Land


@dataclass(frozen=True, slots=True)
class Residents:
    """Who lives there: ids of the directory, and what they give as their name and number."""

    ids: range
    names: Sequence[str]
    phones: Sequence[str]

    def contact(self, place: int) -> Contact:
        return Contact(name=self.names[place], phone=self.phones[place])


def build_residents(
    land: Land,
    count: int,
    today: dt.date,
    rng: np.random.Generator,
    by: Actor,
    advance: Callable[[int], None],
) -> Residents:
    """All residents. `advance` is told how many came in."""
    villages = [one.code for one in land.villages]
    grids = [one.code for one in land.grids]
    villages_of_grids = [one.village_code for one in land.grids]
    first = last = 0
    names: list[str] = []
    phones: list[str] = []
    for chunk in fiction.generate(land, count, today, rng):
        household_ids = actions.import_households(
            households=[
                actions.NewHousehold(
                    address=address, division_code=villages_of_grids[grid], grid_code=grids[grid]
                )
                for address, grid in zip(
                    chunk.address.tolist(), chunk.household_grid.tolist(), strict=True
                )
            ],
            by=by,
        )
        ids = actions.import_people(
            people=[
                actions.NewPerson(
                    name=name,
                    id_number=id_number,
                    phone=phone,
                    household_id=household_ids[household - chunk.first_household],
                    registered_division=villages[registered],
                    residence_division=villages_of_grids[grid],
                    grid_code=grids[grid],
                    sex="FEMALE" if female else "MALE",
                    birth_date=born,
                    is_away=away,
                )
                for name, id_number, phone, household, registered, grid, female, born, away in zip(
                    chunk.name.tolist(),
                    chunk.id_number.tolist(),
                    chunk.phone.tolist(),
                    chunk.household.tolist(),
                    chunk.registered.tolist(),
                    chunk.grid.tolist(),
                    chunk.female.tolist(),
                    chunk.birth_date.tolist(),
                    chunk.away.tolist(),
                    strict=True,
                )
            ],
            by=by,
        )
        first, last = first or ids[0], ids[-1]
        names += chunk.name.tolist()
        phones += chunk.phone.tolist()
        advance(len(chunk))
    return Residents(range(first, last + 1), names, phones)
