"""How many statements the hot acts take, and that history does not add to them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from huying.cases import actions, queries
from huying.cases.models import Report
from huying.cases.queries.holdings import scope_of
from huying.notices.actions import blank_notices
from tests.factories.cases import do, make_office, make_report

pytestmark = pytest.mark.django_db


def _statements(captured: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in captured.captured_queries]


def test_receiving_a_report_takes_few_statements() -> None:
    make_office()
    make_report(text="先来一件，让各处记住")
    with CaptureQueriesContext(connection) as captured:
        make_report(idempotency_key="0b6f7d52-8a34-4c1e-9d70-k1")
    assert len(captured) <= 12, _statements(captured)


def test_an_act_takes_few_statements_and_not_more_with_history() -> None:
    office = make_office()
    make_report(text="先来一件，让各处记住")
    counts = []
    for _round in range(3):
        report = make_report()
        with CaptureQueriesContext(connection) as captured:
            do(report.case_id, "take", office.officer)
        counts.append(len(captured))
        assert len(captured) <= 10, _statements(captured)
        for number in range(5):
            do(report.case_id, "remark", office.officer, f"第{number}次联系")
        with CaptureQueriesContext(connection) as captured:
            do(report.case_id, "answer", office.officer, reply="好了。", outcome="SOLVED")
        counts.append(len(captured))
        assert len(captured) <= 10, _statements(captured)
    # The first round may still look somebody up who is remembered afterwards.
    assert counts[2:4] == counts[4:6]


def test_a_queue_page_is_one_query_however_many_cases() -> None:
    office = make_office()
    for _number in range(5):
        make_report()
    queries.queue(office.dispatcher)
    with CaptureQueriesContext(connection) as captured:
        page = queries.queue(office.dispatcher, limit=3)
    assert len(page.rows) == 3
    assert len(captured) == 1, _statements(captured)


def test_a_case_page_does_not_ask_for_each_row() -> None:
    office = make_office()
    report = make_report()
    queries.case_page(report.case_id, office.dispatcher)
    with CaptureQueriesContext(connection) as few:
        queries.case_page(report.case_id, office.dispatcher)
    for number in range(4):
        actions.join_report(by=office.clerk, receipt=report.receipt, text=f"第{number}位")
        do(report.case_id, "remark", office.dispatcher, "又有人反映")
    with CaptureQueriesContext(connection) as many:
        queries.case_page(report.case_id, office.dispatcher)
    assert len(many) == len(few), _statements(many)


def test_an_act_reads_no_table_whole_though_the_tables_are_small() -> None:
    """A connection keeps the plan it made in an empty county while the county fills.

    Asked without sequential scans, the planner shows whether an index serves every table: in
    tables of one page it may choose to read the page.
    """
    office = make_office()
    report = make_report()
    (plan,) = _plans("UPDATE cases_case", lambda: do(report.case_id, "take", office.officer))
    assert "Index Scan using cases_case_pkey" in plan
    assert "Seq Scan on cases_" not in plan


def _plans(sought: str, ask: Callable[[], object]) -> list[str]:
    """The plans of the statements with these words in them, as in a county full of rows."""
    plans: list[str] = []

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sought in sql:
            with connection.connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
                cursor.execute("SET LOCAL enable_seqscan = on")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        ask()
    assert plans
    return plans


def test_a_report_is_named_by_receipt_or_by_the_number_of_its_case() -> None:
    office = make_office()
    report, *_others = (make_report() for _ in range(5))
    # Of an empty table, which is what was last counted, every index costs the same.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE cases_report, cases_case")
    found: list[int] = []
    for name, index in (
        (report.receipt_display, "cases_report_receipt"),
        (report.case_number, "case_number_once"),
    ):

        def named(name: str = name) -> None:
            found.append(queries.report_named(name, office.dispatcher))

        (plan,) = _plans('FROM "cases_report"', named)
        assert index in plan
    assert found == [report.report_id] * 2
    with pytest.raises(queries.ReportNotFound):
        queries.report_named("没有这样的编号", office.dispatcher)


def test_erasing_a_person_reads_no_table_whole() -> None:
    office = make_office()
    make_report()
    person = Report.objects.get().reporter_id or 0
    (plan,) = _plans('"submitter_id" = ', lambda: scope_of(person))
    assert "report_submitter" in plan
    assert "Seq Scan" not in plan
    (plan,) = _plans("UPDATE", lambda: blank_notices(subjects=["case:1"], by=office.dispatcher))
    assert "notice_subject" in plan
