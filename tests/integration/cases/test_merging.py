"""Merging and splitting: reports move, what is theirs stays theirs."""

import pytest

from huying.cases import actions, queries
from huying.cases.models import Case, Clock, Report
from huying.directory.permissions import NotAllowed
from tests.factories.cases import (
    RESIDENT,
    do,
    make_alert_case,
    make_answered,
    make_office,
    make_photo,
    make_report,
)

pytestmark = pytest.mark.django_db


def test_two_reports_become_one_case_with_two_receipts_clocks_and_ratings() -> None:
    office = make_office()
    first, second = make_report(kind="COMPLAINT"), make_report(kind="CONSULTATION")
    clocks = {
        report.report_id: Clock.objects.get(report_id=report.report_id, name="answer").due_at
        for report in (first, second)
    }
    assert clocks[first.report_id] > clocks[second.report_id]
    actions.merge_cases(
        into=first.case_id, merged=[second.case_id], by=office.dispatcher, note="同一处垃圾"
    )
    gone = Case.objects.get(pk=second.case_id)
    assert (gone.state, gone.merged_into_id) == ("MERGED", first.case_id)
    assert gone.closed_at is not None
    assert queries.replay_state(gone.pk) == "MERGED"
    case = Case.objects.get(pk=first.case_id)
    assert (case.report_count, case.people_involved) == (2, 2)
    for report in (first, second):
        clock = Clock.objects.get(report_id=report.report_id, name="answer")
        assert (clock.case_id, clock.due_at) == (first.case_id, clocks[report.report_id])
        assert clock.stopped_at is None
    assert not Clock.objects.filter(case=gone, stopped_at__isnull=True).exists()
    told = [entry.text for entry in queries.progress(second.receipt).entries]
    assert any("合并办理" in text for text in told)
    assert any("已经收到" in text for text in told)  # the own beginning is not forgotten
    do(first.case_id, "take", office.officer)
    do(first.case_id, "answer", office.officer, reply="都清走了。", outcome="SOLVED")
    for report in (first, second):
        progress = queries.progress(report.receipt)
        assert progress.reply == "都清走了。"
        assert progress.can_rate
    actions.rate(receipt=first.receipt, rating=5, by=RESIDENT)
    actions.rate(receipt=second.receipt, rating=3, by=RESIDENT)
    assert set(Report.objects.filter(case_id=first.case_id).values_list("rating", flat=True)) == {
        "VERY_SATISFIED",
        "FAIRLY_SATISFIED",
    }


def test_the_photographs_of_a_report_go_with_it() -> None:
    office = make_office()
    first, second = make_report(), make_report(photos=[make_photo()])
    actions.merge_cases(into=first.case_id, merged=[second.case_id], by=office.dispatcher)
    reports = queries.case_page(first.case_id, office.dispatcher).reports
    photos = [len(report.attachments) for report in reports]
    assert photos == [0, 1]
    assert len(queries.progress(second.receipt).attachments) == 1
    assert queries.progress(first.receipt).attachments == ()
    file = reports[1].attachments[0]
    assert queries.attachment_file(file.id, receipt=second.receipt)
    with pytest.raises(queries.AttachmentNotFound):
        queries.attachment_file(file.id, receipt=first.receipt)


def test_found_by_the_words_of_what_was_merged() -> None:
    office = make_office()
    first = make_report()
    second = make_report(text="菜市场后墙角的烂菜叶没人管")
    actions.merge_cases(into=first.case_id, merged=[second.case_id], by=office.dispatcher)
    page = queries.queue(office.dispatcher, queries.QueueFilters(text="烂菜叶"))
    assert [row.id for row in page.rows] == [first.case_id]


def test_a_split_gives_reports_a_case_of_their_own() -> None:
    office = make_office()
    first = make_report()
    joined = actions.join_report(by=RESIDENT, receipt=first.receipt, text="其实是另一处")
    opened = actions.split(
        case_id=first.case_id,
        report_ids=[joined.report_id],
        by=office.dispatcher,
        note="不是同一处",
    )
    assert opened.case_id != first.case_id
    moved = Report.objects.get(pk=joined.report_id)
    assert moved.case_id == opened.case_id
    clock = Clock.objects.get(report_id=joined.report_id, name="answer")
    assert clock.case_id == opened.case_id
    assert clock.stopped_at is None
    old, new = Case.objects.get(pk=first.case_id), Case.objects.get(pk=opened.case_id)
    assert (old.report_count, new.report_count) == (1, 1)
    assert new.state == "REGISTERED"
    assert queries.progress(joined.receipt).case_number == new.number
    do(new.pk, "dispatch", office.dispatcher, unit=office.bureau.pk)


def test_what_cannot_be_merged_or_split() -> None:
    office = make_office()
    first, second = make_report(), make_report()
    alert = make_alert_case()
    with pytest.raises(actions.CannotMerge):
        actions.merge_cases(into=first.case_id, merged=[alert.case_id], by=office.dispatcher)
    with pytest.raises(NotAllowed):
        actions.merge_cases(into=first.case_id, merged=[second.case_id], by=office.officer)
    with pytest.raises(actions.CannotMerge):
        actions.split(case_id=first.case_id, report_ids=[first.report_id], by=office.dispatcher)
    do(second.case_id, "withdraw", office.clerk, "本人说不用办了")
    with pytest.raises(actions.CannotMerge):
        actions.merge_cases(into=first.case_id, merged=[second.case_id], by=office.dispatcher)
    with pytest.raises(actions.NeedsField):
        actions.merge_cases(into=first.case_id, merged=[], by=office.dispatcher)
    with pytest.raises(queries.CaseNotFound):
        actions.merge_cases(into=first.case_id, merged=[10**9], by=office.dispatcher)


def test_a_paused_case_is_neither_merged_nor_split() -> None:
    office = make_office()
    paused, other = make_report(), make_report()
    joined = actions.join_report(by=RESIDENT, receipt=paused.receipt, text="我家也是")
    do(paused.case_id, "take", office.officer)
    do(paused.case_id, "pause", office.officer, article="行政强制法第三十九条", reason="等鉴定")
    do(paused.case_id, "approve_pause", office.head)
    assert Case.objects.get(pk=paused.case_id).state == "PAUSED"
    for into, merged in ((paused, other), (other, paused)):
        with pytest.raises(actions.CannotMerge, match="恢复办理") as refused:
            actions.merge_cases(into=into.case_id, merged=[merged.case_id], by=office.dispatcher)
        assert "resume it first" in refused.value.en
    with pytest.raises(actions.CannotMerge, match="恢复办理"):
        actions.split(case_id=paused.case_id, report_ids=[joined.report_id], by=office.dispatcher)
    do(paused.case_id, "resume", office.officer)
    actions.merge_cases(into=other.case_id, merged=[paused.case_id], by=office.dispatcher)


@pytest.mark.parametrize("state", ["ANSWERED", "VERIFIED", "CALLBACK"])
def test_what_is_not_answered_is_not_merged_into_what_is(state: str) -> None:
    office = make_office()
    answered, waiting = make_answered(office), make_report()
    if state == "VERIFIED":
        do(answered.case_id, "verify", office.grid_worker)
    if state == "CALLBACK":
        actions.rate(receipt=answered.receipt, rating=1, by=RESIDENT)
    assert Case.objects.get(pk=answered.case_id).state == state
    with pytest.raises(actions.CannotMerge, match="还没有答复"):
        actions.merge_cases(into=answered.case_id, merged=[waiting.case_id], by=office.dispatcher)
    actions.merge_cases(into=waiting.case_id, merged=[answered.case_id], by=office.dispatcher)


def test_two_answered_cases_become_one() -> None:
    office = make_office()
    first, second = make_answered(office), make_answered(office)
    actions.merge_cases(into=first.case_id, merged=[second.case_id], by=office.dispatcher)
    assert Case.objects.get(pk=second.case_id).state == "MERGED"
