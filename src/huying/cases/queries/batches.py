"""All rows of a table, so many at a time."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet


def ids_in_batches(rows: QuerySet[Any], size: int) -> Iterator[list[int]]:
    """The ids of the rows in their order; those that come meanwhile at the end, too."""
    last = 0
    while ids := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:size]):
        yield ids
        last = ids[-1]
