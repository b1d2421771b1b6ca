"""Which devices and alerts an actor may see: decided here for every list of this room."""

from django.db.models import Q

from huying.directory.permissions import Actor, Permission


def within_scope(actor: Actor, *, division: str, grid: str) -> Q:
    """A filter on the columns named `division` and `grid`.

    A post with SENSING_VIEW opens its division, with what has no division yet; a post in a
    grid opens that grid only. The program itself sees everything, anybody else nothing.
    """
    if actor.kind == "SYSTEM":
        return Q()
    seen = Q(pk__in=[])
    grids = actor.grids_with(Permission.SENSING_VIEW)
    bound = {post.division for post in actor.posts if post.grid}
    free = {post.division for post in actor.posts if not post.grid}
    prefixes = {
        prefix
        for prefix in actor.divisions_with(Permission.SENSING_VIEW)
        if prefix not in bound - free
    }
    if prefixes:
        seen |= Q(**{f"{division}__isnull": True})
    for prefix in sorted(prefixes):
        # A range, not a pattern: a foreign key is compared without a join.
        low, high = prefix.ljust(12, "0"), prefix.ljust(12, "9")
        seen |= Q(**{f"{division}__gte": low, f"{division}__lte": high})
    if grids:
        seen |= Q(**{f"{grid}__in": sorted(grids)})
    return seen
