"""Lists: narrowed, searched by Chinese words, paged without gaps, counted without scans."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Func, IntegerField
from hypothesis import given, settings
from hypothesis import strategies as st

from huying.cases import actions, queries
from huying.cases.models import Case, CaseTally, CaseWords
from huying.cases.queries import QueueFilters
from huying.cases.rules.words import MOST_WORDS, query_of, words_of
from tests.factories.cases import (
    RESIDENT,
    do,
    make_alert_case,
    make_answered,
    make_office,
    make_report,
)

pytestmark = pytest.mark.django_db


def test_pages_follow_each_other_without_gaps_or_repeats() -> None:
    office = make_office()
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    made = [
        make_report(category="", now=start + timedelta(hours=number % 3)).case_id
        for number in range(7)
    ]
    Case.objects.filter(pk=made[0]).update(due_at=None)
    for order in (queries.DUE, queries.NEWEST):
        seen: list[int] = []
        cursor = None
        while True:
            page = queries.queue(office.dispatcher, cursor=cursor, limit=3, order=order)
            seen += [row.id for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert sorted(seen) == sorted(made)
        if order == queries.DUE:
            assert seen[-1] == made[0]
            dues = [Case.objects.get(pk=one).due_at for one in seen[:-1]]
            assert dues == sorted(due for due in dues if due)
        else:
            assert seen == sorted(made, reverse=True)


@pytest.mark.parametrize("cursor", ["%%%", "bm90IGpzb24", "W10"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    office = make_office()
    with pytest.raises(queries.BadCursor):
        queries.queue(office.dispatcher, cursor=cursor)


def test_words_numbers_and_receipts_find_the_case() -> None:
    office = make_office()
    garbage = make_report()
    light = make_report(text="人民路的路灯坏了，晚上看不见", category="")
    for text in ("路灯", "人民路 路灯", light.case_number, light.receipt, light.receipt_display):
        page = queries.queue(office.dispatcher, QueueFilters(text=text))
        assert [row.id for row in page.rows] == [light.case_id], text
    assert queries.queue(office.dispatcher, QueueFilters(text="垃圾")).rows[0].id == garbage.case_id
    for text in ("钢琴", "的", "'; DROP TABLE", "路灯 & !'", "\\", "2026-999999", "(垃圾"):
        queries.queue(office.dispatcher, QueueFilters(text=text))
    assert queries.queue(office.dispatcher, QueueFilters(text="钢琴")).rows == []


HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
SAID = st.lists(st.text(HAN, min_size=2, max_size=12), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(parts=SAID, other=SAID)
def test_every_part_of_a_text_finds_it(parts: list[str], other: list[str]) -> None:
    """Two characters or more out of a run, wherever a dictionary would have cut it."""
    words = words_of(["，".join(parts), "。".join(other)])
    asked = [
        query_of(part[start:end])
        for part in parts
        for start in range(len(part) - 1)
        for end in range(start + 2, len(part) + 1)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_and(array_to_tsvector(%s::text[]) @@ one::tsquery)"
            " FROM unnest(%s::text[]) one",
            [words, asked],
        )
        assert cursor.fetchone() == (True,)


def test_a_part_of_a_word_finds_the_case() -> None:
    office = make_office()
    light = make_report(text="小区北门路灯不亮已经一周了。电话 13800001111", category="")
    make_report()
    for text in ("路灯", "灯不亮", "北门路灯", "不亮已经一周", "灯", "了", "1380000", "路灯，一周"):
        page = queries.queue(office.dispatcher, QueueFilters(text=text))
        assert light.case_id in [row.id for row in page.rows], text
    for text in ("亮灯", "路亮"):
        assert queries.queue(office.dispatcher, QueueFilters(text=text)).rows == [], text


def test_a_case_that_very_many_spoke_of_goes_on_taking_reports() -> None:
    office = make_office()
    first = make_report(text="东门广场舞太吵").receipt
    every = "".join(map(chr, range(0x4E00, 0x4E00 + 18_000)))
    for start in range(0, len(every), 4_500):
        actions.join_report(by=RESIDENT, receipt=first, text=every[start : start + 4_500])
    actions.join_report(by=RESIDENT, receipt=first, text="我家也睡不着")
    length = Func("words", function="length", output_field=IntegerField())
    words = CaseWords.objects.annotate(size=length).get()
    assert words.size <= MOST_WORDS
    assert len(queries.queue(office.dispatcher, QueueFilters(text="广场舞")).rows) == 1


def test_a_search_pages_too() -> None:
    office = make_office()
    made = [make_report().case_id for _number in range(5)]
    first = queries.queue(office.dispatcher, QueueFilters(text="垃圾"), limit=3)
    second = queries.queue(
        office.dispatcher, QueueFilters(text="垃圾"), cursor=first.next_cursor, limit=3
    )
    assert [row.id for row in (*first.rows, *second.rows)] == made[::-1]
    assert second.next_cursor is None


@pytest.mark.parametrize("closed", [False, None])
def test_a_search_goes_back_until_the_page_is_full(
    monkeypatch: pytest.MonkeyPatch, closed: bool | None
) -> None:
    monkeypatch.setattr("huying.cases.queries.lists._FIRST_SPAN", 1)
    office = make_office()
    far = make_report(lon=117.015, lat=39.005).case_id
    near = [make_report().case_id for _number in range(6)]
    asked = QueueFilters(text="垃圾", closed=closed)
    page = queries.queue(office.other_grid_worker, asked)
    assert ([row.id for row in page.rows], page.next_cursor) == ([far], None)
    found: list[int] = []
    cursor = None
    while True:
        page = queries.queue(office.dispatcher, asked, cursor=cursor, limit=2)
        found += [row.id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [*near[::-1], far]


def test_filters_narrow() -> None:
    office = make_office()
    report = make_report(urgency="URGENT", kind="COMPLAINT")
    unsure = make_report(category="")
    alert = make_alert_case()
    do(report.case_id, "take", office.officer)
    cases = {
        report.case_id: [
            QueueFilters(states=["HANDLING"]),
            QueueFilters(unit=office.bureau.pk),
            QueueFilters(officer=office.officer.account_id),
            QueueFilters(category="GARBAGE"),
            QueueFilters(clock="contact"),
        ],
        unsure.case_id: [QueueFilters(states=["REGISTERED"]), QueueFilters(clock="dispatch")],
        alert.case_id: [
            QueueFilters(procedure="environmental_alert"),
            QueueFilters(category="ALERT"),
            QueueFilters(soon=True, procedure="environmental_alert"),
        ],
    }
    for case_id, filters in cases.items():
        for one in filters:
            found = [row.id for row in queries.queue(office.dispatcher, one).rows]
            assert found == [case_id], one
    mine = queries.queue(office.officer, QueueFilters(mine=True))
    assert [row.id for row in mine.rows] == [report.case_id]
    everything = queries.queue(office.dispatcher, QueueFilters(division="990101001000"))
    assert len(everything.rows) == 3
    assert queries.queue(office.dispatcher, QueueFilters(overdue=True)).rows == []
    later = datetime.now(UTC) + timedelta(days=60)
    assert len(queries.queue(office.dispatcher, QueueFilters(overdue=True), now=later).rows) == 3


def test_a_row_says_whose_turn_it_is() -> None:
    office = make_office()
    make_report()
    row = queries.queue(office.dispatcher).rows[0]
    assert (row.turn, row.state_label, row.unit_name) == ("住建局", "待签收", "住建局")
    assert row.division_name == "城关镇东门社区"
    assert row.category_name == "垃圾清运"


def test_closed_cases_are_another_list() -> None:
    office = make_office()
    report = make_answered(office)
    do(report.case_id, "close", office.dispatcher)
    assert queries.queue(office.dispatcher).rows == []
    closed = queries.queue(office.dispatcher, QueueFilters(closed=True))
    assert [row.id for row in closed.rows] == [report.case_id]
    assert len(queries.queue(office.dispatcher, QueueFilters(closed=None)).rows) == 1


def test_counts_follow_every_act_and_survive_folding() -> None:
    office = make_office()
    first = make_answered(office)
    make_report()
    make_report(category="")
    make_alert_case()
    do(first.case_id, "close", office.dispatcher)
    actions.rate(receipt=first.receipt, rating=4, by=RESIDENT)

    def by_state() -> dict[str, int]:
        return {row.state: row.count for row in queries.queue_counts(office.dispatcher).by_state}

    expected = {"DISPATCHED": 1, "REGISTERED": 1, "ALERTED": 1}
    assert by_state() == expected
    assert actions.fold_tallies(least=1) > 0
    assert by_state() == expected
    today = queries.day_figures(datetime.now(UTC).astimezone().date())[-1]
    assert (today.received, today.opened, today.closed, today.closed_on_time) == (3, 4, 1, 1)
    assert (today.replied, today.rated, today.rated_bad) == (1, 1, 0)
    rows = CaseTally.objects.count()
    assert actions.fold_tallies(least=1) == 0
    assert CaseTally.objects.count() == rows


@pytest.mark.parametrize(
    "reader", ["dispatcher", "officer", "head", "grid_worker", "other_officer"]
)
def test_each_number_is_as_long_as_its_list(reader: str) -> None:
    office = make_office()
    now = datetime.now(UTC)
    made = [make_report(now=now - timedelta(hours=number)).case_id for number in range(6)]
    do(made[0], "take", office.officer)
    Case.objects.filter(pk__in=made[:2]).update(due_at=now - timedelta(minutes=1))
    Case.objects.filter(pk=made[2]).update(due_at=now + timedelta(hours=1))
    Case.objects.filter(pk__in=made[1:4]).update(supervised=True)
    Case.objects.filter(pk=made[5]).update(pending={"extend": {"asked_by": 1}})
    actor = getattr(office, reader)
    found = queries.queue_counts(actor, now)
    asked = {
        "overdue": QueueFilters(overdue=True),
        "soon": QueueFilters(soon=True),
        "mine": QueueFilters(mine=True),
        "supervised": QueueFilters(supervised=True),
        "pending": QueueFilters(pending=True),
    }
    lists = {
        name: len(queries.queue(actor, filters, now=now).rows) for name, filters in asked.items()
    }
    assert {name: getattr(found, name) for name in asked} == lists
    if reader == "dispatcher":
        assert lists == {"overdue": 2, "soon": 1, "mine": 0, "supervised": 3, "pending": 1}
    if reader == "officer":
        assert lists["mine"] == 1


def test_the_map_s_numbers() -> None:
    office = make_office()
    report = make_report()
    make_alert_case()
    grid = "990101001001001"
    now = datetime.now(UTC)
    later = now + timedelta(days=60)
    assert [(row.grid_code, row.value) for row in queries.grid_measures("OPEN")] == [(grid, 2)]
    assert queries.grid_measures("ALERTS")[0].value == 1
    assert queries.grid_measures("RECEIVED_7_DAYS")[0].value == 1
    assert queries.grid_measures("OVERDUE", now=later)[0].value == 2
    assert queries.overdue_by_unit(later) == [
        (office.bureau.pk, "住建局", 1),
        (office.other_bureau.pk, "生态环境局", 1),
    ]
    do(report.case_id, "withdraw", office.clerk, "不用了")
    assert queries.grid_measures("OPEN")[0].value == 1


def test_what_usually_happens_is_said_before_sending() -> None:
    office = make_office()
    early = queries.typical_answer("GARBAGE")
    assert early is not None
    assert (early.days, early.text) == (None, "这事由住建局办")
    start = datetime.now(UTC) - timedelta(days=5)
    for number in range(5):
        report = make_report(now=start)
        for hours, action, data in (
            (1, "take", {}),
            (30 + number, "answer", {"reply": "好了", "outcome": "SOLVED"}),
        ):
            actions.act(
                case_id=report.case_id,
                action=action,
                by=office.officer,
                data=data,
                now=start + timedelta(hours=hours),
            )
        do(report.case_id, "close", office.dispatcher)
    queries.forget_caches()
    typical = queries.typical_answer("GARBAGE")
    assert typical is not None
    assert (typical.days, typical.sample) == (2, 5)
    assert typical.text == "这事由住建局办，近 90 天多数 2 天内答复"
    assert queries.typical_answer("OTHER") is None


def test_a_sample_can_be_drawn_again_with_its_seed() -> None:
    office = make_office()
    for _number in range(6):
        make_report()
    drawn = queries.audit_list(office.auditor, sample=4, seed="2026-11")
    again = queries.audit_list(office.auditor, sample=4, seed="2026-11")
    assert len(drawn.rows) == 4
    assert drawn == again
    assert drawn != queries.audit_list(office.auditor, sample=4, seed="2026-12")
    everything = queries.audit_list(office.auditor, limit=5)
    assert everything.next_cursor
    rest = queries.audit_list(office.auditor, cursor=everything.next_cursor, limit=200)
    assert len(everything.rows) + len(rest.rows) == 12
    only = queries.audit_list(office.auditor, queries.AuditFilters(action="dispatch"))
    assert {row.action for row in only.rows} == {"dispatch"}
    assert {row.from_label for row in only.rows} == {"待派单"}
