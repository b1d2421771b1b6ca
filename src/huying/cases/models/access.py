"""How far an actor sees: the territories, units and grids in which a right to look holds."""

from dataclasses import dataclass

from django.db.models import Q

from huying.directory.permissions import Actor, Permission

COUNTY_LEVEL = 6
"""A territory of so few digits is a whole county."""


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
        wanted = Q(pk__in=[])
        for prefix in self.territories:
            wanted |= Q(**{f"{division}__startswith": prefix})
        if self.grids:
            wanted |= Q(**{f"{grid}__in": self.grids})
        return wanted


def view_of(actor: Actor) -> View:
    """How far this actor sees cases; each right counts only where its own post has it."""
    territories: tuple[str, ...] = ()
    if actor.may(Permission.CASE_VIEW_ALL):
        prefixes = actor.divisions_with(Permission.CASE_VIEW_ALL)
        if not prefixes or any(len(prefix) <= COUNTY_LEVEL for prefix in prefixes):
            return View(everything=True)
        territories = tuple(sorted(prefixes))
    return View(
        everything=False,
        territories=territories,
        units=tuple(sorted(actor.organisations_with(Permission.CASE_VIEW_OWN_UNIT))),
        grids=tuple(sorted(actor.grids_with(Permission.CASE_VIEW_OWN_GRID))),
    )
