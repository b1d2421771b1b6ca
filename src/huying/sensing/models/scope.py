"""Which devices and alerts an actor may see: decided here for every list of this room."""

from typing import TYPE_CHECKING

from django.db.models import Q

from huying.directory.permissions import Permission

if TYPE_CHECKING:
    from huying.directory.permissions import Actor


def within_scope(actor: "Actor", *, division: str, grid: str) -> Q:
    """A filter on the columns named `division` and `grid`.

    With SENSING_VIEW: everything in the actor's divisions, and what has no division yet.
    Otherwise: the actor's own grids. An actor with neither sees nothing.
    """
    seen = Q(pk__in=[])
    if actor.may(Permission.SENSING_VIEW):
        seen |= Q(**{f"{division}__isnull": True})
        for prefix in actor.divisions:
            seen |= Q(**{f"{division}__startswith": prefix})
    if actor.grids:
        seen |= Q(**{f"{grid}__in": sorted(actor.grids)})
    return seen
