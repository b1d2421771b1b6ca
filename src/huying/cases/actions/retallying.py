"""The counts of cases added up anew from the acts.

The counts are summed up at one moment; while the cases are gone through, which may take long on
a living county and be done by several processes, only acts are counted that this moment saw. What
they make is gathered batch after batch in a table of this session, on the server. A count is a
sum of changes, so one that is wrong is put right by appending what it lacks: nobody has to wait.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db import connection, transaction

from huying.cases.actions.comparing import Batch
from huying.cases.models import Measure
from huying.cases.rules.retracing import Counted
from huying.directory.permissions import Actor
from huying.ledger import actions as ledger
from huying.ledger.queries import Difference
from huying.standards.deadlines import SHANGHAI

Key = tuple[Any, ...]
"""What is counted: as `_KEY` names it."""

_PAGE: Final = 1_000
_KEY: Final = "measure, day, procedure, state, organisation_id, division_code, grid_code, category"
_CREATE: Final = f"""
DROP TABLE IF EXISTS pg_temp.recount, pg_temp.recount_wrong;
CREATE TEMP TABLE recount AS SELECT {_KEY}, count AS kept, count AS counted
  FROM cases_casetally WITH NO DATA
"""  # noqa: S608 - own statements
_KEPT: Final = f"""
WITH summed AS (
  INSERT INTO pg_temp.recount
  SELECT {_KEY}, sum(count), 0 FROM cases_casetally GROUP BY {_KEY} HAVING sum(count) <> 0)
SELECT pg_current_snapshot()::text
"""  # noqa: S608 - own statements
_WRONG: Final = f"""
CREATE TEMP TABLE recount_wrong AS
SELECT row_number() OVER (ORDER BY {_KEY}) AS number, {_KEY},
       sum(kept)::int AS kept, sum(counted)::int AS counted
  FROM pg_temp.recount GROUP BY {_KEY} HAVING sum(kept) <> sum(counted)
"""  # noqa: S608 - own statements
_PUT: Final = f"""
INSERT INTO cases_casetally ({_KEY}, count)
SELECT {_KEY}, counted - kept FROM pg_temp.recount_wrong
"""  # noqa: S608 - own statements
_NAMES: Final = """
SELECT number, concat_ws(' ', measure, day, procedure, state, nullif(organisation_id, 0),
                         division_code, grid_code, category), kept, counted
  FROM pg_temp.recount_wrong WHERE number > %s ORDER BY number LIMIT %s
"""


def counted_in(batch: Batch, ids: Iterable[int]) -> Counter[Key]:
    """What the acts of these cases of the batch make of the counts."""
    sums: Counter[Key] = Counter()
    for case_id in ids:
        trace = batch.trace(case_id)
        name = batch.stored[case_id].row["procedure"]
        for one in trace.counted:
            sums[_key(name, one)] += one.times
        standing = trace.standing
        if standing is not None and not trace.case.procedure.is_final(standing.state):
            sums[_key(name, Counted(Measure.OPEN, None, standing.state, standing))] += 1
    return sums


class Counts:
    """What the counts were at the moment this was made, and what the acts make them."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            for statement in _CREATE.split(";"):
                cursor.execute(statement)
            cursor.execute(_KEPT)
            (self.snapshot,) = cursor.fetchone()
        self._whole = True

    def add(self, sums: Counter[Key], *, whole: bool) -> None:
        """What the acts of some more cases make of them; whether all of these acts fit."""
        self._whole = self._whole and whole
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY pg_temp.recount FROM STDIN") as copy,
        ):
            for key, count in sums.items():
                copy.write_row((*key, 0, count))

    def differences(self, *, by: Actor, repair: bool) -> Iterator[Difference]:
        """Each count that differs. Where the acts of a case do not fit, none is put right."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_WRONG)
            repaired = repair and self._whole and cursor.rowcount > 0
            if repaired:
                cursor.execute(_PUT)
                ledger.record(
                    kind="case.retallied",
                    subject="cases",
                    by=by.ref,
                    body={"counts": cursor.rowcount},
                )
        last = 0
        while rows := _page(last):
            last = rows[-1][0]
            for _number, subject, kept, counted in rows:
                yield Difference(
                    "TALLY",
                    subject,
                    f"计数是 {kept}，实际是 {counted}",
                    f"the count is {kept}; there are {counted}",
                    repaired=repaired,
                )


def _key(procedure: str, one: Counted) -> Key:
    facts = one.facts
    return (
        str(one.measure),
        one.at.astimezone(SHANGHAI).date() if one.at else None,
        procedure,
        one.state,
        facts.lead_organisation_id or 0,
        facts.division_code,
        facts.grid_code or "",
        facts.category,
    )


def _page(last: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, [last, _PAGE])
        return list(cursor.fetchall())
