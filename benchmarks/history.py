"""Cases of years past, written set by set: only to measure what history costs.

Cases that a benchmark has brought so far are copied again and again with other ids, numbers,
receipts and days; all but one in 33 are closed. Reports, acts, clocks, words
and notices come along, with every index kept; counts and the ledger do not, since no call of a
lifecycle reads what they hold of the past. Foreign keys are not checked while it is written.
"""

from collections.abc import Callable
from typing import Any, Final

from django.apps import apps
from django.db import connection, transaction

ANSWERED: Final = "state = 'ANSWERED'"
ANY: Final = "procedure = 'residents_report' AND report_count = 1"
MOST_TEMPLATES: Final = 2_000
CHUNK: Final = 50_000
OPEN_ONE_IN: Final = 33


def write(
    number: int, progress: Callable[[int], None] = lambda written: None, of: str = ANSWERED
) -> None:
    """Add about `number` cases, copies of those of the condition `of`, of which there must be
    some hundreds, each with one report."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("DROP TABLE IF EXISTS bench_template")
        cursor.execute(
            "CREATE TEMP TABLE bench_template AS"
            " SELECT row_number() OVER (ORDER BY id) - 1 AS n, id AS case_id FROM"
            f" (SELECT id FROM cases_case WHERE {of} ORDER BY id LIMIT %s) few",
            [MOST_TEMPLATES],
        )
        size = cursor.rowcount
        cursor.execute("SELECT max(id) + 1 FROM cases_case")
        (case_base,) = cursor.fetchone()
        cursor.execute("SELECT max(id) + 1 FROM cases_report")
        (report_base,) = cursor.fetchone()
        statements = _statements(size, case_base, report_base)
        rounds, step = max(1, number // size), max(1, CHUNK // size)
        for first in range(0, rounds, step):
            last = min(first + step, rounds) - 1
            with transaction.atomic():
                for statement in statements:
                    cursor.execute(statement, [first, last])
            progress((last + 1) * size)
        for table in ("cases_case", "cases_report"):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
                f" (SELECT max(id) FROM {table}))"
            )
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")


def _statements(size: int, case_base: int, report_base: int) -> list[str]:
    # Written for a cursor with parameters: a percent sign is doubled.
    new = f"(b.n + m * {size})"
    closed = f"({new} %% {OPEN_ONE_IN} <> 0)"
    # Open ones stay of today: their clocks are not overdue all at once.
    ago = f"(CASE WHEN {closed} THEN {new} %% 1000 + 12 ELSE 0 END * interval '1 day')"
    case, report = f"{case_base} + {new}", f"{report_base} + {new}"
    times = {"at", "created_at", "updated_at", "discovered_at", "submitted_at", "replied_at"}
    return [
        _copy(
            "cases.Case",
            "t.id",
            ago,
            times,
            {
                "id": case,
                "number": f"'2025-' || ({case})",
                "state": f"CASE WHEN {closed} THEN 'CLOSED'"
                " WHEN t.closed_at IS NULL THEN t.state ELSE 'ANSWERED' END",
                "closed_at": f"CASE WHEN {closed}"
                f" THEN t.created_at - {ago} + interval '9 days' END",
                "due_at": f"CASE WHEN NOT {closed}"
                f" THEN coalesce(t.due_at, t.created_at + interval '9 days') - {ago} END",
            },
        ),
        _copy(
            "cases.Report",
            "t.case_id",
            ago,
            times,
            {
                "id": report,
                "case_id": case,
                "receipt": f"upper(lpad(to_hex({report}), 12, '0'))",
                "idempotency_key": "NULL",
            },
        ),
        _copy(
            "cases.Act",
            "t.case_id",
            ago,
            times,
            {
                "id": "",
                "case_id": case,
                "report_id": f"CASE WHEN t.report_id IS NOT NULL THEN {report} END",
            },
        ),
        _copy(
            "cases.Clock",
            "t.case_id",
            ago,
            {*times, "started_at", "due_at", "warn_at"},
            {
                "id": "",
                "case_id": case,
                "report_id": f"CASE WHEN t.report_id IS NOT NULL THEN {report} END",
                "stopped_at": f"coalesce(t.stopped_at, CASE WHEN {closed} THEN t.due_at END)"
                f" - {ago}",
            },
        ),
        _copy("cases.CaseWords", "t.case_id", ago, times, {"case_id": case}),
        _copy(
            "notices.Notice",
            "substr(t.subject, 6)::bigint",
            ago,
            times,
            {
                "id": "",
                "batch": "gen_random_uuid()",
                "subject": f"'case:' || ({case})",
                "link": f"'/cases/' || ({case}) || '/'",
                "escalate_at": "NULL",
                "read_at": f"CASE WHEN {closed} THEN t.created_at - {ago} + interval '1 hour' END",
            },
            where="t.subject LIKE 'case:%%'",
        ),
    ]


def _copy(
    model: str,
    key: str,
    ago: str,
    times: set[str],
    changed: dict[str, str],
    where: str = "true",
) -> str:
    """Copy the rows of a model that belong to the templates, for the rounds %s to %s.

    A changed column of "" is left to its default; times move back.
    """
    columns: dict[str, str] = {}
    fields: list[Any] = list(apps.get_model(model)._meta.local_concrete_fields)
    for field in fields:
        column = field.column
        value = changed.get(column, f"t.{column} - {ago}" if column in times else f't."{column}"')
        if value:
            columns[f'"{column}"'] = value
    table = apps.get_model(model)._meta.db_table
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"
        f" FROM bench_template b JOIN {table} t ON {key} = b.case_id AND {where}"
        " CROSS JOIN generate_series(%s::int, %s::int) m ORDER BY m, b.n"
    )
