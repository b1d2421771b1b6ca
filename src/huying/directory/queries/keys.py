"""Which keys of the vault sealed what lies in the database."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection

from huying.directory import vault
from huying.directory.vault import SealedField


@dataclass(frozen=True, slots=True)
class SealedColumn:
    table: str
    column: str
    context: str


def sealed_columns() -> Iterator[SealedColumn]:
    """Every sealed column of every room."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, SealedField) and field.column:
                yield SealedColumn(model._meta.db_table, field.column, field.context)


@dataclass(frozen=True, slots=True)
class KeysInUse:
    """Values by the number of the key that sealed them; `active` seals now."""

    active: int
    known: tuple[int, ...]
    values: dict[int, int]

    @property
    def removable(self) -> list[int]:
        """Keys on hand that neither seal nor are needed to open anything in this database."""
        return [key for key in self.known if key != self.active and not self.values.get(key)]

    @property
    def old_values(self) -> int:
        return sum(count for key, count in self.values.items() if key != self.active)


def keys_in_use() -> KeysInUse:
    """Counts every sealed value: a look through whole tables, for the operator."""
    values: Counter[int] = Counter()
    with connection.cursor() as cursor:
        for one in sealed_columns():
            cursor.execute(
                f"SELECT get_byte({one.column}, 0) * 256 + get_byte({one.column}, 1), count(*) "  # noqa: S608 - names of our own models
                f"FROM {one.table} WHERE {one.column} IS NOT NULL GROUP BY 1"
            )
            values.update(dict(cursor.fetchall()))
    ring = vault.key_ring()
    return KeysInUse(ring.active, tuple(sorted(ring.masters)), dict(values))
