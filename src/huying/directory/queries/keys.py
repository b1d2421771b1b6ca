"""Which keys of the vault sealed and indexed what lies in the database."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.apps import apps
from django.db import connection

from huying.directory import vault
from huying.directory.vault import SealedField

INDEX_KEY: Final = "index_key"
"""The edition whose number is the generation in which indexes are written; without it, 1."""
WRITTEN: Final = f"COALESCE((SELECT number FROM directory_edition WHERE name = '{INDEX_KEY}'), 1)"  # noqa: S608 - a constant


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


@dataclass(frozen=True, slots=True)
class IndexedTable:
    """A table with blind indexes: `columns` maps each to the context of its value."""

    table: str
    key: str
    columns: dict[str, str]


INDEXED_TABLES: Final = (
    IndexedTable(
        "directory_person",
        "id",
        {
            "name_index": "person.name",
            "id_number_index": "person.id_number",
            "phone_index": "person.phone",
        },
    ),
    IndexedTable("directory_household", "id", {"number_index": "household.number"}),
    IndexedTable("directory_erasedidnumber", "index", {"index": "person.id_number"}),
)


@dataclass(frozen=True, slots=True)
class IndexesInUse:
    """Blind indexes by generation; `written` is the one in which new ones are written."""

    written: int
    newest: int
    values: dict[int, int]

    @property
    def old_values(self) -> int:
        return sum(count for number, count in self.values.items() if number != self.newest)

    @property
    def unfinished(self) -> bool:
        """A key was made, and not everything lies under it yet."""
        return self.written != self.newest or bool(self.old_values)


def generation_of(column: str) -> str:
    """SQL for the generation of the index in a column."""
    return f"get_byte({column}, 0) * 256 + get_byte({column}, 1)"


def written_generation() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {WRITTEN}")
        return int(cursor.fetchone()[0])


def indexes_in_use() -> IndexesInUse:
    """Counts every blind index: a look through whole tables, for the operator."""
    values: Counter[int] = Counter()
    with connection.cursor() as cursor:
        for one in INDEXED_TABLES:
            for column in one.columns:
                cursor.execute(
                    f"SELECT {generation_of(column)}, count(*) FROM {one.table} "  # noqa: S608 - names of our own models
                    f"WHERE {column} IS NOT NULL GROUP BY 1"
                )
                values.update(dict(cursor.fetchall()))
    newest = len(vault.key_ring().index_keys)
    return IndexesInUse(written_generation(), newest, dict(values))
