"""A past taken in as a whole: cases with every act they have had, in their order.

For a county that brings its archive along, and for the simulated one. Each act goes through the
same engine as today's, at its own time: nothing can be imported that could not have happened.
Clocks that ran out in between are noted as the clock job would have noted them. What differs
from acting step by step: the rows of many cases are written at once, by COPY, and nobody is
told of what is over.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
from django.db import connection, transaction
from django.utils.translation import override

from huying.cases.actions import writing
from huying.cases.actions.lives import Life
from huying.cases.actions.past import Imported, PastCase
from huying.directory.permissions import Actor, Permission
from huying.ledger import actions as ledger
from huying.sensing import actions as sensing

_JSON: Final = frozenset({dict, list, tuple})


def reserve_cases(*, count: int, by: Actor) -> Sequence[int]:
    """Ids for past cases still to be imported, so that parts of a past may come in any order."""
    by.require(Permission.DIRECTORY_MANAGE)
    return _reserved("cases_case", count)


def import_history(
    *,
    cases: Sequence[PastCase],
    until: dt.datetime,
    by: Actor,
    ids: Sequence[int] | None = None,
) -> list[Imported]:
    """Write cases as they stand at `until`; the results in order. All or none.

    `ids`: those that `reserve_cases` gave for them; without it they are given now.
    The clocks are let run up to `until`. Raises what acting would raise (ActionNotOffered,
    NeedsField …): an archive that contradicts the procedure is not taken in.
    """
    by.require(Permission.DIRECTORY_MANAGE)
    reports = sum(
        (case.report is not None) + sum(step.report is not None for step in case.steps)
        for case in cases
    )
    case_ids = iter(_reserved("cases_case", len(cases)) if ids is None else ids)
    report_ids = iter(_reserved("cases_report", reports))
    with override("zh-hans"):
        lives = [_lived(case, until, next(case_ids), lambda: next(report_ids)) for case in cases]
    with transaction.atomic():
        _seal(lives)
        _write(lives)
        sensing.import_judgements(
            judgements=[one for life in lives for one in life.judgements], by=by
        )
    return [
        Imported(
            life.facts.id, life.facts.state, tuple(r["receipt"] for r in life.reports.values())
        )
        for life in lives
    ]


def _lived(
    case: PastCase, until: dt.datetime, case_id: int, next_report_id: Callable[[], int]
) -> Life:
    life = Life(case, case_id, next_report_id)
    for step in case.steps:
        life.run_clocks(step.at)
        life.take(step)
    life.run_clocks(until)
    return life


def _seal(lives: Sequence[Life]) -> None:
    """All records in the order of time; each row learns the number of its own."""
    every = [
        (entry["at"], place, number, entry)
        for place, life in enumerate(lives)
        for number, entry in enumerate(life.entries)
    ]
    every.sort(key=lambda one: one[:3])
    ids = ledger.record_many([ledger.Entry(**entry) for *_, entry in every])
    found = {
        (place, number): row_id for (_, place, number, _), row_id in zip(every, ids, strict=True)
    }
    for place, life in enumerate(lives):
        for row in (*life.acts, *life.reports.values()):
            row["record_id"] = found[place, row.pop("entry")]


def _write(lives: Sequence[Life]) -> None:
    _copy("cases_case", writing.CASE, (life.final_case_row() for life in lives))
    _copy(
        "cases_report",
        writing.REPORT,
        (row for life in lives for row in life.reports.values()),
    )
    _copy("cases_act", writing.ACT, (row for life in lives for row in life.acts))
    _copy(
        "cases_clock",
        writing.CLOCK,
        (
            writing.clock_row(clock, life.facts.id)
            for life in lives
            for clock in life.clocks.values()
        ),
    )
    _copy("cases_casetally", writing.TALLY, _folded(lives))
    _copy(
        "cases_assistingunit",
        ("case_id", "organisation_id", "added_at"),
        (
            {"case_id": life.facts.id, "organisation_id": unit, "added_at": at}
            for life in lives
            for unit, at in life.assisting.items()
        ),
    )
    _copy(
        "cases_casewords",
        ("case_id", "words"),
        ({"case_id": life.facts.id, "words": _tsvector(sorted(life.words))} for life in lives),
    )


def _folded(lives: Sequence[Life]) -> Iterable[dict[str, Any]]:
    """The counts added up, as fold_tallies would leave them."""
    sums: dict[tuple[Any, ...], int] = {}
    names = [name for name in writing.TALLY if name != "count"]
    for life in lives:
        for row in life.tallies:
            key = tuple(row[name] for name in names)
            sums[key] = sums.get(key, 0) + int(row["count"])
    for key, count in sums.items():
        if count:
            yield {**dict(zip(names, key, strict=True)), "count": count}


def _tsvector(words: Sequence[str]) -> str:
    """The text form of a tsvector without positions, as array_to_tsvector makes one."""
    return " ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words)


def _copy(table: str, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """COPY rows into a table. Left out of a row = the column is NULL."""
    names = list(columns)
    quoted = ", ".join(f'"{name}"' for name in names)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({quoted}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(
                [
                    orjson.dumps(value).decode() if type(value) in _JSON else value
                    for value in map(row.get, names)
                ]
            )


def _reserved(table: str, count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [table, count],
        )
        return [int(row[0]) for row in cursor.fetchall()]
