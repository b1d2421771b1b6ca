"""撤回: a reporter takes the own report back; what others said goes on."""

import re
from typing import Any

import pytest
from django.test import Client

from huying.cases import actions, queries
from huying.cases.models import Act, Case, Clock, Report
from huying.cases.rules.vocabulary import ReportState
from huying.notices.models import Notice
from tests.factories.cases import RESIDENT, account, do, make_answered, make_office, make_report

pytestmark = pytest.mark.django_db


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_the_only_reporter_ends_the_case_and_the_unit_is_told() -> None:
    office = make_office()
    received = make_report()
    assert queries.progress(received.receipt).can_withdraw
    acted = actions.withdraw(receipt=received.receipt, reason="邻居帮忙清掉了", by=RESIDENT)
    case = Case.objects.get(pk=received.case_id)
    assert (acted.state, case.state, case.outcome) == ("CLOSED", "CLOSED", "WITHDRAWN")
    assert case.closed_at is not None
    assert not Clock.objects.filter(case=case, stopped_at__isnull=True).exists()
    assert Report.objects.get(pk=received.report_id).state == ReportState.WITHDRAWN
    told = Notice.objects.get(account=account(office.officer), kind="case.withdraw")
    assert told.body == "邻居帮忙清掉了"
    view = queries.progress(received.receipt)
    assert (view.headline, view.closed, view.can_withdraw) == ("您已撤回这件诉求", True, False)
    assert view.entries[0].text == "按您的意思已撤回"
    assert queries.replay_state(case.pk) == "CLOSED"
    with pytest.raises(actions.ActionNotOffered):
        actions.withdraw(receipt=received.receipt, reason="再来一次", by=RESIDENT)
    with pytest.raises(actions.ActionNotOffered):
        actions.supplement(receipt=received.receipt, text="还有", by=RESIDENT)


def test_one_of_several_leaves_and_the_matter_goes_on() -> None:
    office = make_office()
    first = make_report()
    second = actions.join_report(by=RESIDENT, receipt=first.receipt, text="我家门口也是")
    actions.withdraw(receipt=first.receipt, reason="不等了", by=RESIDENT)
    case = Case.objects.get(pk=first.case_id)
    assert (case.state, case.outcome, case.closed_at) == ("DISPATCHED", "", None)
    running = Clock.objects.filter(case=case, stopped_at__isnull=True)
    assert set(running.values_list("name", "report_id")) == {
        ("take", None),
        ("contact", None),
        ("answer", second.report_id),
    }
    assert case.due_at == min(running.values_list("due_at", flat=True))
    assert queries.replay_state(case.pk) == "DISPATCHED"
    # A further neighbour may still join, and the first one's receipt stands still.
    third = actions.join_report(by=RESIDENT, receipt=second.receipt, text="三号楼也是")
    assert third.case_id == first.case_id
    do(case.pk, "take", office.officer)
    do(case.pk, "answer", office.officer, reply="已清运", outcome="SOLVED")
    replies = dict(Report.objects.values_list("pk", "reply"))
    assert (replies[first.report_id], replies[second.report_id]) == ("", "已清运")
    view = queries.progress(first.receipt)
    assert view.entries[0].text == "按您的意思已撤回"
    assert (view.steps, view.reply, view.can_rate) == ((), "", False)
    assert queries.progress(second.receipt).can_rate
    again = Act.objects.filter(case=case, action="withdraw")
    assert [(act.report_id, act.from_state, act.to_state) for act in again] == [
        (first.report_id, "DISPATCHED", "DISPATCHED")
    ]


def test_the_last_of_several_ends_it_and_the_desk_says_whose_it_is() -> None:
    office = make_office()
    first = make_report()
    second = actions.join_report(by=RESIDENT, receipt=first.receipt, text="我家门口也是")
    with pytest.raises(actions.NeedsField):
        do(first.case_id, "withdraw", office.clerk, reason="来电撤回")
    do(first.case_id, "withdraw", office.clerk, reason="来电撤回", report_id=second.report_id)
    assert Case.objects.get(pk=first.case_id).state == "DISPATCHED"
    with pytest.raises(actions.ActionNotOffered):
        do(first.case_id, "withdraw", office.clerk, reason="又来", report_id=second.report_id)
    actions.withdraw(receipt=first.receipt, reason="不等了", by=RESIDENT)
    assert Case.objects.get(pk=first.case_id).outcome == "WITHDRAWN"


def test_an_answered_report_is_rated_not_withdrawn(client: Client) -> None:
    received = make_answered(make_office())
    assert not queries.progress(received.receipt).can_withdraw
    with pytest.raises(actions.ActionNotOffered):
        actions.withdraw(receipt=received.receipt, reason="算了", by=RESIDENT)
    page = f"/r/{received.receipt}/withdraw/"
    assert "不用再撤回了" in words_of(client.get(page))
    assert client.post(page, {"why": "SOLVED"}).status_code == 409
    assert page not in client.get(f"/r/{received.receipt}/").content.decode()


@pytest.mark.parametrize("again", ["reject", "reopen"])
def test_what_was_answered_is_not_withdrawn_while_it_is_put_right(again: str) -> None:
    office = make_office()
    received = make_answered(office)
    if again == "reopen":
        actions.rate(receipt=received.receipt, rating=1, by=RESIDENT)
    do(received.case_id, again, office.dispatcher, reason="还没清干净")
    stood = Report.objects.get(pk=received.report_id).state
    assert not queries.progress(received.receipt).can_withdraw
    offers = queries.available_actions(received.case_id, office.dispatcher)
    assert "withdraw" not in {offer.code for offer in offers}
    with pytest.raises(actions.ActionNotOffered):
        actions.withdraw(receipt=received.receipt, reason="算了", by=RESIDENT)
    with pytest.raises(actions.ActionNotOffered):
        do(received.case_id, "withdraw", office.dispatcher, reason="算了")
    assert Report.objects.get(pk=received.report_id).state == stood
    assert Case.objects.get(pk=received.case_id).closed_at is None


def test_a_break_in_the_middle_withdraws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    make_office()
    received = make_report()

    def broken(*_given: Any, **_named: Any) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr("huying.cases.actions.acting.telling.tell", broken)
    with pytest.raises(RuntimeError):
        actions.withdraw(receipt=received.receipt, reason="算了", by=RESIDENT)
    assert Report.objects.get(pk=received.report_id).state == ReportState.RECEIVED
    assert Case.objects.get(pk=received.case_id).state == "DISPATCHED"


def test_the_page_says_what_it_means_asks_why_and_goes_back(client: Client) -> None:
    make_office()
    received = make_report()
    page = f"/r/{received.receipt}/withdraw/"
    assert page in client.get(f"/r/{received.receipt}/").content.decode()
    assert "撤回了不能恢复" in words_of(client.get(page))
    assert client.post(page, {}).status_code == 422
    done = client.post(page, {"why": "SOLVED", "words": "谢谢"}, follow=True)
    assert done.redirect_chain == [(f"/r/{received.receipt}/", 302)]
    assert "您已撤回这件诉求" in words_of(done)
    act = Act.objects.get(case_id=received.case_id, action="withdraw")
    assert act.data == {"reason": "事情已经解决了；谢谢"}
    assert client.get("/r/0000-0000-0000/withdraw/").status_code == 404


def test_by_the_interface(client: Client) -> None:
    make_office()
    received = make_report()
    path = f"/api/v1/reports/{received.receipt}/withdrawal"
    answer = client.post(path, {"reason": "已经好了"}, content_type="application/json")
    assert answer.status_code == 204
    again = client.post(path, {"reason": "已经好了"}, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "ACTION_NOT_OFFERED")
