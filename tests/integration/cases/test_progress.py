"""What residents read."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.translation import override

from huying.cases import actions, queries
from huying.cases.actions import joining
from huying.cases.models import Act, Clock
from huying.cases.queries.facts import case_record
from huying.directory import queries as directory
from huying.directory.models import Organisation
from huying.directory.permissions import Actor
from tests.factories.cases import (
    RESIDENT,
    do,
    make_answered,
    make_office,
    make_photo,
    make_report,
)

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def test_the_headline_says_who_answers_until_when() -> None:
    office = make_office()
    unsure = make_report(category="", text="不知道归谁管", now=MONDAY)
    assert queries.progress(unsure.receipt, now=MONDAY).next_text == "下一步：派单"
    report = make_report(now=MONDAY)
    progress = queries.progress(report.receipt_display.lower(), now=MONDAY)
    assert progress.headline == "已受理，由住建局办理，12月7日前答复您"
    assert progress.next_text == "下一步：办理中"
    assert progress.unit_name == "住建局"
    assert [entry.text for entry in progress.entries] == [
        "已派给住建局办理",
        "您反映的事情已经收到",
    ]
    assert [step.label for step in progress.steps if step.done] == ["已收到"]
    assert [step.label for step in progress.steps if step.current] == ["已派单"]
    assert progress.counted == (
        "从2026年11月23日10:00起算10个工作日，当天不计，应在12月7日前办完。"
    )
    with override("en"):
        english = queries.progress(report.receipt, now=MONDAY)
    assert english.headline == "Accepted. 住建局 will answer you by 7 December"
    do(report.case_id, "take", office.officer)
    assert queries.progress(report.receipt).headline.startswith("住建局正在办理")


def _timeline(receipt: str, language: str) -> list[str]:
    with override(language):
        return [entry.text for entry in reversed(queries.progress(receipt).entries)]


def test_what_happened_is_read_in_the_readers_language_and_officials_words_as_written() -> None:
    office = make_office()
    report = make_report(now=MONDAY)
    steps: list[tuple[str, Actor, dict[str, str]]] = [
        ("take", office.officer, {}),
        ("extend", office.officer, {"reason": "等设备到货"}),
        ("approve_extend", office.head, {}),
        ("answer", office.officer, {"reply": "已清运。", "outcome": "SOLVED"}),
    ]
    for hour, (action, by, data) in enumerate(steps, start=1):
        at = MONDAY + timedelta(hours=hour)
        actions.act(case_id=report.case_id, action=action, by=by, data=data, now=at)
    at = MONDAY + timedelta(hours=5)
    actions.rate(receipt=report.receipt, rating=2, by=RESIDENT, now=at)
    assert _timeline(report.receipt, "zh-hans") == [
        "您反映的事情已经收到",
        "已派给住建局办理",
        "住建局已签收，开始办理",
        "情况复杂，答复时间延到12月14日前。理由：等设备到货",
        "住建局已答复：已清运。",
        "您的评价已收到，我们会在 5 个工作日内回访您",
    ]
    assert _timeline(report.receipt, "en") == [
        "We have received what you told us",
        "Sent to 住建局",
        "住建局 has taken it and begun",
        "The answer will take longer, by 14 December. Reason: 等设备到货",
        "住建局 has answered: 已清运。",
        "We have your rating and will call you back within 5 working days",
    ]
    told = [act.told for act in queries.case_page(report.case_id, office.dispatcher).acts]
    assert "" in told, "of a request that waits for approval they read nothing"


def test_a_unit_that_is_renamed_leaves_what_was_said_as_it_was() -> None:
    office = make_office()
    report = make_report()
    Organisation.objects.filter(pk=office.bureau.pk).update(name="城建局", short_name="城建局")
    directory.forget_caches()
    assert "已派给住建局办理" in _timeline(report.receipt, "zh-hans")


def test_a_neighbour_and_one_who_was_merged_read_their_own_language() -> None:
    office = make_office()
    first, second = make_report(), make_report()
    joined = actions.join_report(by=RESIDENT, receipt=first.receipt)
    assert _timeline(joined.receipt, "en") == ["We have received what you told us"]
    actions.merge_cases(into=first.case_id, merged=[second.case_id], by=office.dispatcher)
    assert _timeline(second.receipt, "zh-hans")[-1] == (
        "您反映的事和其他群众反映的是同一件，已合并办理，由住建局答复"
    )
    assert _timeline(second.receipt, "en")[-1] == (
        "What you told us is the same matter as others reported; they are dealt with together, "
        "by 住建局"
    )


def test_no_name_of_staff_no_state_code_and_no_neighbour_in_it() -> None:
    office = make_office()
    report = make_report()
    joined = actions.join_report(by=RESIDENT, receipt=report.receipt, text="我是隔壁的刘老师")
    do(report.case_id, "take", office.officer)
    do(report.case_id, "remark", office.officer, "内部情况：找物业谈")
    for receipt in (report.receipt, joined.receipt):
        shown = repr(queries.progress(receipt))
        for hidden in ("郑经办", "内部情况", "HANDLING", "system:"):
            assert hidden not in shown
    assert "刘老师" not in repr(queries.progress(report.receipt))
    assert queries.progress(report.receipt).neighbours == 1


def test_after_the_answer_it_can_be_rated_once() -> None:
    office = make_office()
    report = make_report()
    assert not queries.progress(report.receipt).can_rate
    with pytest.raises(actions.NotYetAnswered):
        actions.rate(receipt=report.receipt, rating=5, by=RESIDENT)
    do(report.case_id, "take", office.officer)
    actions.act(
        case_id=report.case_id,
        action="answer",
        by=office.officer,
        data={"reply": "已清运", "outcome": "SOLVED"},
        photos=[make_photo()],
    )
    progress = queries.progress(report.receipt)
    assert progress.can_rate
    assert progress.due_at is None
    assert progress.next_text == "请您评价这次办理，一点就好"
    photo = progress.entries[0].attachments[0]
    assert queries.attachment_file(photo.id, receipt=report.receipt)[0].exists()
    actions.rate(receipt=report.receipt, rating="SATISFIED", by=RESIDENT)
    progress = queries.progress(report.receipt)
    assert (progress.can_rate, progress.rating_label) == (False, "满意")
    assert progress.can_follow_up


@pytest.mark.parametrize("rating", ["GREAT", "", 0, 6])
def test_a_rating_is_one_of_five(rating: str | int) -> None:
    report = make_answered(make_office())
    with pytest.raises(actions.NeedsField):
        actions.rate(receipt=report.receipt, rating=rating, by=RESIDENT)


@pytest.mark.parametrize("receipt", ["", "123", "ZZZZ-ZZZZ-ZZZZ", "<script>", "O" * 500])
def test_a_receipt_that_is_none(receipt: str) -> None:
    make_office()
    for ask in (queries.progress, queries.report_id_of):
        with pytest.raises(queries.ReportNotFound):
            ask(receipt)
    with pytest.raises(queries.ReportNotFound):
        actions.rate(receipt=receipt, rating=5, by=RESIDENT)


def test_neighbours_find_what_is_reported_already() -> None:
    make_office()
    report = make_report()
    make_report(lon=117.025, lat=39.005)
    found = queries.nearby_open(117.0052, 39.0051)
    assert [one.id for one in found] == [report.report_id]
    assert "李梅" not in repr(found)
    assert queries.nearby_open(117.0052, 39.0051, category="NOISE") == []


def test_the_public_list_pages_and_narrows() -> None:
    office = make_office()
    made = [make_report().report_id for _number in range(3)]
    closed = make_answered(office)
    do(closed.case_id, "close", office.dispatcher)
    first = queries.public_reports(limit=2)
    rest = queries.public_reports(limit=9, cursor=first.next_cursor)
    assert [one.id for one in (*first.rows, *rest.rows)] == [closed.report_id, *made[::-1]]
    assert [one.id for one in queries.public_reports(status="CLOSED").rows] == [closed.report_id]
    assert len(queries.public_reports(ids=[made[0]]).rows) == 1
    one = queries.public_report(made[0])
    assert one.open
    clock = Clock.objects.get(report_id=made[0], name="answer")
    assert one.due_at == clock.due_at
    assert one.headline.startswith("已受理，由住建局办理")
    assert not one.headline.endswith("明天前答复您")


def test_who_joined_or_was_merged_reads_no_other_reporter_s_words() -> None:
    office = make_office()
    report = make_report(text="我是三单元李梅，楼下垃圾没人管。")
    assert queries.progress(report.receipt).title == "我是三单元李梅，楼下垃圾没人管"
    joined = actions.join_report(by=RESIDENT, receipt=report.receipt, text="隔壁也很臭。")
    other = make_report(text="南门垃圾成堆。")
    actions.merge_cases(into=report.case_id, merged=[other.case_id], by=office.dispatcher)
    photo_only = actions.join_report(by=RESIDENT, receipt=report.receipt)
    for receipt, title in ((joined.receipt, "隔壁也很臭"), (other.receipt, "南门垃圾成堆")):
        assert queries.progress(receipt).title == title
    for one in (joined, other, photo_only):
        assert "李梅" not in repr(queries.progress(one.receipt))


def test_a_resident_who_comes_second_joins_all_the_same_and_learns_no_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = make_office()
    report = make_report()
    old = case_record(report.case_id)
    do(report.case_id, "take", office.officer)
    late = [old, old]  # asked for first, then at the first try
    monkeypatch.setattr(
        joining, "case_record", lambda case_id: late.pop() if late else case_record(case_id)
    )
    joined = actions.join_report(by=RESIDENT, receipt=report.receipt, text="我家也是。")
    assert joined.case_id == report.case_id
    assert Act.objects.filter(case_id=report.case_id, action="join").count() == 1
    monkeypatch.setattr(joining, "case_record", lambda _case_id: old)
    with pytest.raises(actions.StaleCase) as caught:
        actions.join_report(by=RESIDENT, receipt=report.receipt, text="我家也是。")
    assert "郑经办" not in str(caught.value)
    assert "请再试一次" in str(caught.value)
