"""Residents and households into the vault, a chunk at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from huying.cases.actions import Contact
from huying.directory import actions
from huying.directory.permissions import Actor
from huying.simulation.fiction.land import Land
from huying.simulation.fiction.residents import People, Strings


@dataclass(frozen=True, slots=True)
class Residents:
    """Who lives there: ids of the directory, and what they give as their name and number."""

    ids: range
    names: Strings
    phones: Strings

    @classmethod
    def of(cls, chunks: Sequence[People], first_id: int) -> "Residents":
        names = np.concatenate([chunk.name for chunk in chunks])
        phones = np.concatenate([chunk.phone for chunk in chunks])
        return cls(range(first_id, first_id + len(names)), names, phones)

    def contact(self, place: int) -> Contact:
        return Contact(name=str(self.names[place]), phone=str(self.phones[place]))


def build_residents(land: Land, chunk: People, ids: Sequence[int], by: Actor) -> None:
    """The residents of one chunk, under these ids, and their households."""
    villages = [one.code for one in land.villages]
    grids = [one.code for one in land.grids]
    villages_of_grids = [one.village_code for one in land.grids]
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
    actions.import_people(
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
        ids=ids,
    )
