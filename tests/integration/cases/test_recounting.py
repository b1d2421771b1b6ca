"""What is not what the acts make it is named; what is derived is made anew."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from huying.cases import actions, queries
from huying.cases.actions import recounting
from huying.cases.models import Attachment, Case, CaseTally, Report
from huying.config.crew import crew
from huying.directory import actions as directory
from huying.directory.permissions import Actor
from huying.ledger.models import Record
from huying.ledger.queries import records_by_id
from tests.factories.cases import (
    RESIDENT,
    Office,
    do,
    make_alert_case,
    make_answered,
    make_office,
    make_photo,
    make_report,
)

pytestmark = pytest.mark.django_db
FSCK = Actor.system("fsck")


@pytest.fixture
def matters(settings: Any, tmp_path: Path) -> Office:
    """Matters in every stage: rated and closed, merged, overdue, taken, just begun."""
    settings.MEDIA_ROOT = tmp_path
    office = make_office()
    now = timezone.now()
    answered = make_answered(office)
    actions.rate(receipt=answered.receipt, rating="SATISFIED", by=RESIDENT)
    do(answered.case_id, "close", office.dispatcher)
    make_alert_case(now=now - timedelta(hours=3))
    actions.run_clocks(now=now)
    first, second = make_report(), make_report(text="还是垃圾，没人管。")
    actions.merge_cases(into=first.case_id, merged=[second.case_id], by=office.dispatcher)
    do(make_report(photos=[make_photo()]).case_id, "take", office.officer)
    make_report(category="")
    return office


def _found(*, repair: bool = False) -> dict[str, bool]:
    found = [
        *actions.recount_cases(by=FSCK, repair=repair),
        *actions.recount_words(by=FSCK, repair=repair),
        *actions.recount_files(),
    ]
    return {one.kind: one.repaired for one in found}


def _damage(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount


def test_what_the_actions_left_is_right(matters: Office) -> None:
    assert Case.objects.filter(closed_at__isnull=False).count() == 2
    measures = set(CaseTally.objects.values_list("measure", flat=True))
    assert measures == {"OPEN", "OPENED", "RECEIVED", "CLOSED", "REPLIED", "RATED", "OVERDUE"}
    assert _found() == {}


def test_a_report_withdrawn_and_a_reporter_erased_leave_nothing_wrong(matters: Office) -> None:
    received = make_report(text="王五家的下水道堵了。")
    actions.withdraw(receipt=received.receipt, reason="自己疏通了", by=RESIDENT)
    person = Report.objects.get(receipt=received.receipt).reporter_id
    assert person
    # The same person reported other matters, which must be closed first.
    for case in Case.objects.filter(closed_at__isnull=True, reports__reporter=person).distinct():
        for report in case.reports.all():
            actions.withdraw(receipt=report.receipt, reason="不需要了", by=RESIDENT)
    directory.erase_person(person_id=person, reason="本人书面申请删除", by=matters.dispatcher)
    assert _found() == {}


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("UPDATE cases_clock SET due_at = due_at + interval '1 hour'", "CLOCK_DUE"),
        (
            "UPDATE cases_case SET due_at = due_at + interval '1 h' WHERE due_at IS NOT NULL",
            "CASE_DUE",
        ),
        ("UPDATE cases_case SET report_count = 7 WHERE closed_at IS NULL", "REPORT_COUNT"),
        ("UPDATE cases_casetally SET count = count + 1 WHERE measure = 'OPEN'", "TALLY"),
        ("UPDATE cases_casetally SET count = count + 1 WHERE measure = 'RECEIVED'", "TALLY"),
        ("DELETE FROM cases_casetally WHERE measure = 'OPENED'", "TALLY"),
        ("DELETE FROM cases_casetally WHERE measure = 'CLOSED'", "TALLY"),
        ("DELETE FROM cases_casetally WHERE measure = 'RATED'", "TALLY"),
        ("DELETE FROM cases_casetally WHERE measure = 'OVERDUE'", "TALLY"),
        ("DELETE FROM cases_casetally WHERE measure = 'REPLIED'", "TALLY"),
        # Right in sum, but with another unit, and in time instead of late.
        ("UPDATE cases_casetally SET organisation_id = 0 WHERE measure = 'REPLIED'", "TALLY"),
        ("UPDATE cases_casetally SET state = 'LATE' WHERE measure = 'CLOSED'", "TALLY"),
        ("UPDATE cases_casetally SET category = 'NOISE' WHERE measure = 'OPENED'", "TALLY"),
        ("DELETE FROM cases_clock WHERE name = 'answer'", "CLOCK_MISSING"),
        ("DELETE FROM cases_clock WHERE stopped_at IS NOT NULL", "CLOCK_MISSING"),
        (
            'INSERT INTO cases_clock (case_id, name, "limit", article, started_at, due_at,'
            " provisional, pauses, extensions) SELECT id, 'take', '1 hour', '', now(),"
            " now() + interval '1 h', false, '[]', '[]' FROM cases_case WHERE state = 'HANDLING'",
            "CLOCK_WITHOUT_ACT",
        ),
        ("UPDATE cases_clock SET started_at = started_at - interval '1 s'", "CLOCK_WITHOUT_ACT"),
        ("UPDATE cases_clock SET stopped_at = clock_timestamp() WHERE name = 'answer'", "CLOCK"),
        ("UPDATE cases_clock SET stopped_at = NULL WHERE name = 'verify'", "CLOCK"),
        ("UPDATE cases_clock SET paused_at = now() WHERE stopped_at IS NULL", "CLOCK"),
        ("UPDATE cases_clock SET escalated_at = now() WHERE name = 'answer'", "CLOCK"),
        ("UPDATE cases_clock SET escalated_at = NULL WHERE escalated_at IS NOT NULL", "CLOCK"),
        ("UPDATE cases_clock SET extensions = '[\"5 working days\"]'", "CLOCK"),
        ("UPDATE cases_clock SET \"limit\" = '99 days' WHERE name = 'answer'", "CLOCK"),
        (
            "UPDATE cases_clock SET due_at = due_at + interval '1 h' WHERE stopped_at IS NOT NULL",
            "CLOCK_DUE",
        ),
        (
            "UPDATE cases_clock SET warn_at = warn_at - interval '1 h' WHERE stopped_at IS NULL",
            "CLOCK_DUE",
        ),
        ("UPDATE cases_casewords SET words = array_to_tsvector(ARRAY['别的'])", "WORDS"),
        ("DELETE FROM cases_casewords", "WORDS"),
    ],
)
def test_what_is_derived_is_named_and_mended(matters: Office, damage: str, kind: str) -> None:
    before = _tallies()
    _damage(damage)
    found = _found()
    assert found[kind] is False
    assert found == _found(), "looking changes nothing"
    assert _found(repair=True)[kind] is True
    assert _found() == {}
    assert _tallies() == before
    assert Record.objects.filter(kind__in=["case.recounted", "case.retallied"]).exists()


def _tallies() -> dict[tuple[Any, ...], int]:
    sums: dict[tuple[Any, ...], int] = {}
    names = ("measure", "day", "state", "organisation_id", "grid_code", "category")
    for *key, count in CaseTally.objects.values_list(*names, "count"):
        sums[tuple(key)] = sums.get(tuple(key), 0) + count
    return {key: count for key, count in sums.items() if count}


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("UPDATE cases_case SET state = 'DISPATCHED' WHERE state = 'HANDLING'", "STATE"),
        ("UPDATE cases_case SET closed_at = NULL WHERE merged_into_id IS NULL", "CLOSED_AT"),
        ("DELETE FROM cases_act WHERE action = 'take' AND case_id NOT IN"
         " (SELECT case_id FROM cases_attachment)", "ACT_MISSING"),
        ("UPDATE cases_act SET from_state = 'CLOSED' WHERE action = 'take'", "HISTORY_BROKEN"),
        ("UPDATE cases_act SET action = 'remind' WHERE action = 'clock_ran_out'", "ACT_CHANGED"),
        ("UPDATE cases_act SET record_id = NULL WHERE action = 'take'", "ACT_UNSEALED"),
        ("UPDATE cases_case SET urgency = 'URGENT' WHERE closed_at IS NULL", "FACTS"),
        ("UPDATE cases_case SET officer_id = NULL WHERE state = 'HANDLING'", "FACTS"),
        ("UPDATE cases_case SET updated_at = updated_at + interval '1 s'", "FACTS"),
        ("UPDATE cases_case SET closed_at = closed_at + interval '1 s'", "CLOSED_AT"),
        ("UPDATE cases_report SET state = 'ANSWERED' WHERE state = 'RATED'", "REPORT"),
        ("UPDATE cases_report SET replied_at = replied_at - interval '1 h'"
         " WHERE replied_at IS NOT NULL", "REPORT"),
        ("UPDATE cases_act SET at = at - interval '1 s' WHERE action = 'take'", "ACT_CHANGED"),
        ("UPDATE cases_act SET data = jsonb_set(data, '{unit}', '1') WHERE data ? 'unit'",
         "ACT_CHANGED"),
        ("UPDATE cases_act SET data = jsonb_set(data, '{begins,urgency}', '\"URGENT\"')"
         " WHERE data ? 'begins'", "ACT_CHANGED"),
        (
            "UPDATE cases_report SET case_id = (SELECT id FROM cases_case WHERE state = 'MERGED')"
            " WHERE id = (SELECT min(id) FROM cases_report)",
            "REPORT_LEFT_BEHIND",
        ),
    ],
)  # fmt: skip
def test_what_is_not_derived_is_named_and_left_alone(
    matters: Office, damage: str, kind: str
) -> None:
    _damage(damage)
    assert _found(repair=True)[kind] is False
    assert _found()[kind] is False


def test_files_that_are_gone_or_changed_are_named(matters: Office, tmp_path: Path) -> None:
    row = Attachment.objects.get()
    (tmp_path / row.path).write_bytes(b"x" * row.size)
    assert _found() == {"FILE_CHANGED": False}
    (tmp_path / row.path).unlink()
    (tmp_path / row.thumbnail).unlink()
    assert _found() == {"FILE_MISSING": False, "THUMBNAIL_MISSING": False}


def test_counting_anew_holds_up_nobody(matters: Office) -> None:
    _damage("UPDATE cases_casetally SET count = count + 1 WHERE measure = 'OPEN'")
    assert list(actions.recount_cases(by=FSCK))
    assert list(actions.recount_cases(by=FSCK, repair=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid()"
            " AND relation = 'cases_casetally'::regclass"
        )
        modes = {mode for (mode,) in cursor.fetchall()}
    # Of the whole transaction: what a writer of a row takes, and nothing that stops another.
    assert modes == {"AccessShareLock", "RowExclusiveLock"}
    assert _found() == {}


def _work(office: Office, receipts: list[str]) -> None:
    try:
        for number in range(12):
            first, second = make_report(), make_report(category="")
            do(first.case_id, "take", office.officer)
            actions.join_report(by=RESIDENT, receipt=first.receipt)
            if number % 2:
                actions.merge_cases(
                    into=first.case_id, merged=[second.case_id], by=office.dispatcher
                )
            do(first.case_id, "answer", office.officer, reply="办好了。", outcome="SOLVED")
            actions.rate(receipt=first.receipt, rating=1, by=RESIDENT)
            actions.fold_tallies(least=1)
            receipts.append(first.receipt)
    finally:
        connection.close()


def test_what_a_case_began_with_is_kept_sealed_and_shown_to_nobody(matters: Office) -> None:
    case = Case.objects.filter(state="HANDLING").first()
    assert case
    act = case.acts.get(seq=1)
    assert act.data["begins"] == {
        "category": "GARBAGE",
        "urgency": "NORMAL",
        "unit": None,
        "assisting": [],
        "people": 1,
    }
    assert records_by_id([act.record_id or 0])[act.record_id or 0].body["data"] == act.data
    shown = queries.case_page(case.pk, matters.dispatcher).acts[0]
    assert shown.fields == ()


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_on_a_living_county_nothing_is_taken_for_a_difference(
    matters: Office, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recounting, "BATCH", 3)
    receipts: list[str] = []
    with crew(processes, int) as spread, ThreadPoolExecutor(1) as pool:
        work = pool.submit(_work, matters, receipts)
        while not work.done():
            assert list(actions.recount_cases(by=FSCK, repair=True, spread=spread)) == []
            assert list(actions.recount_words(by=FSCK, spread=spread)) == []
        work.result()
    assert len(receipts) == 12
    assert _found() == {}
