"""The page on which somebody is erased: found masked, told what goes, asked why."""

import re
from typing import Any

import pytest
from django.test import Client

from huying.cases import actions
from huying.cases.models import Report
from huying.directory.models import AccessRecord, Person
from tests.factories.cases import Office, do, make_report
from tests.factories.directory import account_of

pytestmark = pytest.mark.django_db

SAID = {"ground": "WITHDRAWN", "reason": "本人当面书面申请，已核对证件", "sure": "on"}


@pytest.fixture
def dispatcher(client: Client, office: Office) -> Client:
    client.force_login(account_of(office.dispatcher))
    return client


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def person_of(received: actions.Received) -> int:
    reporter = Report.objects.get(pk=received.report_id).reporter_id
    assert reporter is not None
    return reporter


def test_found_masked_told_and_erased(dispatcher: Client, office: Office) -> None:
    received = make_report()
    do(received.case_id, "withdraw", office.dispatcher, reason="本人来电撤回")
    found = dispatcher.post("/desk/erasing/", {"phone": "139 0000 0001"})
    page = f"/desk/erasing/{person_of(received)}/"
    assert page in found.content.decode()
    assert "李*" in words_of(found)
    assert "李梅" not in words_of(found)
    told = words_of(dispatcher.get(page))
    assert "1 件诉求里本人说的话" in told
    assert "会留下的" in told
    assert "李梅" not in told

    missing = dispatcher.post(page, {**SAID, "sure": ""})
    assert missing.status_code == 422
    assert Person.objects.get(pk=person_of(received)).erased_at is None

    done = dispatcher.post(page, SAID, follow=True)
    assert done.redirect_chain == [("/desk/erasing/", 302)]
    assert "已删除，并记入存证" in words_of(done)
    record = AccessRecord.objects.get(person=person_of(received))
    assert record.purpose == "个人撤回同意；本人当面书面申请，已核对证件"
    assert dispatcher.get(page).status_code == 404
    assert "没有查到" in words_of(dispatcher.post("/desk/erasing/", {"phone": "13900000001"}))
    assert "内容已依法删除" in words_of(dispatcher.get(f"/desk/{received.case_id}/"))
    assert "内容已依法删除" in words_of(Client().get(f"/r/{received.receipt}/"))
    assert "内容已依法删除" in words_of(dispatcher.get(f"/desk/{received.case_id}/print/"))
    dispatcher.force_login(account_of(office.auditor))
    assert "已清除全部个人信息" in words_of(dispatcher.get("/audit/access/"))


def test_while_a_case_is_open_the_page_says_so_and_has_no_button(dispatcher: Client) -> None:
    received = make_report()
    page = f"/desk/erasing/{person_of(received)}/"
    told = dispatcher.get(page)
    assert received.case_number in words_of(told)
    assert "办理期间依法要保存其信息" in words_of(told)
    assert 'name="sure"' not in told.content.decode()
    refused = dispatcher.post(page, SAID)
    assert refused.status_code == 409
    assert Person.objects.get(pk=person_of(received)).erased_at is None


def test_something_must_be_looked_for(dispatcher: Client) -> None:
    assert dispatcher.post("/desk/erasing/", {"phone": " "}).status_code == 422
    assert dispatcher.get("/desk/erasing/987654321/").status_code == 404


def test_others_may_not(client: Client, office: Office) -> None:
    received = make_report()
    for actor in (office.clerk, office.officer, office.leader, office.auditor):
        client.force_login(account_of(actor))
        for method in (client.get, client.post):
            assert method("/desk/erasing/").status_code == 403
            assert method(f"/desk/erasing/{person_of(received)}/").status_code == 403
