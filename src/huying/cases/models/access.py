"""How far an actor sees: the territories, units and grids in which a right to look holds."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from huying.directory.permissions import Actor, Permission


@dataclass(frozen=True, slots=True)
class View:
    """What may be seen. `everything`, or the cases of these territories, units and grids."""

    everything: bool
    territories: tuple[str, ...] = ()
    units: tuple[int, ...] = ()
    grids: tuple[str, ...] = ()

    def contains(
        self, division_code: str, unit_ids: frozenset[int | None], grid_code: str | None
    ) -> bool:
        """Whether a case with this territory, these units and this grid may be seen."""
        return (
            self.everything
            or any(division_code.startswith(prefix) for prefix in self.territories)
            or not unit_ids.isdisjoint(self.units)
            or grid_code in self.grids
        )

    def within(self, division: str, grid: str) -> Q:
        """The territories and grids as a condition on columns with these names."""
        wanted = inside(division, self.territories)
        if self.grids:
            wanted |= Q(**{f"{grid}__in": self.grids})
        return wanted


def inside(division: str, territories: Iterable[str]) -> Q:
    """Whether the column `division` lies in one of these territories."""
    wanted = Q(pk__in=[])
    for prefix in territories:
        wanted |= Q(**{f"{division}__startswith": prefix})
    return wanted


def view_of(actor: Actor) -> View:
    """How far this actor sees cases; each right counts only where its own post has it."""
    territories = actor.reach(Permission.CASE_VIEW_ALL)
    if territories is None:
        return View(everything=True)
    return View(
        everything=False,
        territories=tuple(sorted(territories)),
        units=tuple(sorted(actor.organisations_with(Permission.CASE_VIEW_OWN_UNIT))),
        grids=tuple(sorted(actor.grids_with(Permission.CASE_VIEW_OWN_GRID))),
    )
