"""A register of residents into the vault: as often as it comes, each person once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from huying.directory import vault
from huying.directory.actions.index_keys import hold_written_generation
from huying.directory.permissions import Actor, Permission
from huying.directory.rules.registers import RegisterLine
from huying.ledger.actions import record

_PROGRESS_EVERY: Final = 1_000
_STAGE: Final = """
CREATE TEMP TABLE IF NOT EXISTS directory_register (
  place bigint, household bytea, household_address bytea, division varchar(12),
  name bytea, id_number bytea, phone bytea, address bytea, name_index bytea,
  id_number_index bytea, phone_index bytea, households bytea[], id_numbers bytea[],
  registered varchar(12), residence varchar(12), grid varchar(15), sex varchar(6),
  birth_date date, is_away boolean
) ON COMMIT DROP;
TRUNCATE directory_register
"""
# Whoever was erased is not brought back, nor an address with them.
_ERASED: Final = """
DELETE FROM directory_register WHERE place IN (
  SELECT r.place FROM directory_erasedidnumber e, (
    SELECT place, unnest(id_numbers) AS index FROM directory_register) r
   WHERE r.index = e.index)
"""
# While the key of the indexes changes, whoever is in the file is indexed anew first, so that
# what follows knows them by the one index that is written now.
_RAISED: Final = (
    """
UPDATE directory_person p SET id_number_index = r.id_number_index FROM (
  SELECT id_number_index, unnest(id_numbers) AS index FROM directory_register) r
 WHERE p.id_number_index = r.index AND r.index <> r.id_number_index
""",
    """
UPDATE directory_household h SET number_index = r.household FROM (
  SELECT household, unnest(households) AS index FROM directory_register) r
 WHERE h.number_index = r.index AND r.index <> r.household
""",
)
# A household is where its number says; the last line of a household decides its address.
_HOUSEHOLDS: Final = """
INSERT INTO directory_household AS known (number_index, address, division_id, grid_id)
SELECT DISTINCT ON (household) household, household_address, division, grid
  FROM directory_register WHERE household IS NOT NULL AND division IS NOT NULL
 ORDER BY household, place DESC
ON CONFLICT (number_index) DO UPDATE SET
  address = COALESCE(EXCLUDED.address, known.address),
  division_id = EXCLUDED.division_id,
  grid_id = COALESCE(EXCLUDED.grid_id, known.grid_id)
"""
# The register decides who lives where; a telephone it does not know is not taken away.
_PEOPLE: Final = """
WITH latest AS (
  SELECT DISTINCT ON (id_number_index) * FROM directory_register
   ORDER BY id_number_index, place DESC
), put AS (
  INSERT INTO directory_person AS known (name, id_number, phone, address, name_index,
    id_number_index, phone_index, household_id, registered_division_id, residence_division_id,
    grid_id, sex, birth_date, is_away, created_at)
  SELECT l.name, l.id_number, l.phone, l.address, l.name_index, l.id_number_index, l.phone_index,
         h.id, l.registered, l.residence, l.grid, l.sex, l.birth_date, l.is_away, %s
    FROM latest l LEFT JOIN directory_household h ON h.number_index = l.household
  ON CONFLICT (id_number_index) WHERE id_number_index IS NOT NULL DO UPDATE SET
    name = EXCLUDED.name, name_index = EXCLUDED.name_index,
    phone = COALESCE(EXCLUDED.phone, known.phone),
    phone_index = COALESCE(EXCLUDED.phone_index, known.phone_index),
    address = COALESCE(EXCLUDED.address, known.address),
    household_id = EXCLUDED.household_id,
    registered_division_id = EXCLUDED.registered_division_id,
    residence_division_id = EXCLUDED.residence_division_id,
    grid_id = EXCLUDED.grid_id, sex = EXCLUDED.sex, birth_date = EXCLUDED.birth_date,
    is_away = EXCLUDED.is_away
  RETURNING (xmax = 0) AS is_new
)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM put
"""


@dataclass(frozen=True, slots=True)
class RegisterImported:
    """What an import did. `known` residents were brought up to date; `erased` are lines of people
    erased at their right, passed over."""

    households: int
    new: int
    known: int
    erased: int = 0


def import_register(
    *,
    lines: Iterable[RegisterLine],
    source: str,
    by: Actor,
    progress: Callable[[int], None] = lambda _done: None,
) -> RegisterImported:
    """Put a register of residents in place, all of it or nothing; the same one twice changes
    nothing. The ID number decides who is who; whoever is not in the file stays as they were, and
    whoever was erased stays erased.

    `progress` is called with the number of lines sealed so far. Memory does not grow with it.
    """
    by.require(Permission.DIRECTORY_MANAGE)
    with transaction.atomic(), connection.cursor() as cursor:
        generation = hold_written_generation()
        # A large county's register takes longer than a page may.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(_STAGE)
        with cursor.copy("COPY directory_register FROM STDIN") as copy:
            for place, line in enumerate(lines, 1):
                copy.write_row(_row(place, line, generation))
                if place % _PROGRESS_EVERY == 0:
                    progress(place)
        cursor.execute("ANALYZE directory_register")
        cursor.execute(_ERASED)
        erased = cursor.rowcount
        if generation > 1:
            for statement in _RAISED:
                cursor.execute(statement)
        cursor.execute(_HOUSEHOLDS)
        households = cursor.rowcount
        cursor.execute(_PEOPLE, [timezone.now()])
        new, known = cursor.fetchone()
        record(
            kind="register.imported",
            subject="directory",
            by=by.ref,
            body={
                "source": source,
                "households": households,
                "new": new,
                "known": known,
                "erased": erased,
            },
        )
    return RegisterImported(households, new, known, erased)


def _row(place: int, line: RegisterLine, generation: int) -> tuple[object, ...]:
    address = vault.seal(line.address, "person.address") if line.address else None
    has_phone = bool(vault.normalised("phone", line.phone))
    households = vault.indexes("household.number", line.household) if line.household else None
    id_numbers = vault.indexes("person.id_number", line.id_number)
    return (
        place,
        households[generation - 1] if households else None,
        vault.seal(line.address, "household.address") if line.address else None,
        line.residence_division or line.registered_division,
        vault.seal(line.name, "person.name"),
        vault.seal(line.id_number, "person.id_number"),
        vault.seal(line.phone, "person.phone") if line.phone else None,
        address,
        vault.index("person.name", line.name, generation),
        id_numbers[generation - 1],
        vault.index("person.phone", line.phone, generation) if has_phone else None,
        households,
        id_numbers,
        line.registered_division,
        line.residence_division,
        line.grid_code,
        line.sex,
        line.birth_date,
        line.is_away,
    )
