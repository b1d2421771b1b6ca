"""The pages of notices, as each kind of visitor meets them."""

from datetime import time
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from huying.directory.models import Account
from huying.directory.permissions import Actor, Role
from huying.notices import actions, queries
from huying.notices.models import Delivery, Escalation, Notice
from tests.factories.directory import make_staff
from tests.factories.notices import make_address, make_reader, tell

pytestmark = pytest.mark.django_db


def account_of(actor: Actor) -> Account:
    return Account.objects.get(pk=actor.own_account())


def signed_in(actor: Actor) -> Client:
    client = Client()
    client.force_login(account_of(actor))
    return client


def text(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def worker() -> Actor:
    return make_staff(Role.GRID_WORKER)


@pytest.fixture
def administrator() -> Actor:
    return make_staff(Role.SYSTEM_ADMIN)


def dead_letter(actor: Actor, code: str = "UNREACHABLE") -> Delivery:
    [notice_id] = tell(account_of(actor), title="没有送到的通知")
    return Delivery.objects.create(
        notice_id=notice_id,
        address=make_address(account_of(actor), "APPRISE", "json://secret-address"),
        channel="APPRISE",
        state="DEAD",
        attempts=6,
        error_code=code,
    )


@pytest.mark.parametrize(
    "path",
    [
        "/inbox/",
        "/inbox/1/",
        "/inbox/preferences/",
        "/notices/dead-letters/",
        "/notices/addresses/",
    ],
)
def test_who_is_not_signed_in_is_asked_to(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM_ADMIN])
def test_only_administrators_of_notices_see_dead_letters(role: Role) -> None:
    client = signed_in(make_staff(role))
    assert client.get("/inbox/").status_code == 200
    assert client.get("/inbox/preferences/").status_code == 200
    for path in ("/notices/dead-letters/", "/notices/addresses/"):
        assert client.get(path).status_code == 403
    for path in ("/notices/dead-letters/resend/", "/notices/addresses/1/remove/"):
        assert client.post(path).status_code == 403


def test_the_inbox_says_what_is_new_and_how_urgent(worker: Actor) -> None:
    other = make_reader()
    tell(account_of(worker), title="柳河站达到预警值", urgency="URGENT", kind="alert.opened")
    tell(other, title="别人的消息")
    page = text(signed_in(worker).get("/inbox/"))
    assert "柳河站达到预警值" in page
    assert "紧急" in page
    assert "监测预警" in page
    assert "未读：" in page
    assert "别人的消息" not in page


def test_words_in_a_notice_are_words(worker: Actor) -> None:
    tell(account_of(worker), title="<script>alert(1)</script>", body="<b>x</b>")
    page = text(signed_in(worker).get("/inbox/"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<b>x</b>" not in page


def test_an_empty_inbox_says_what_will_come(worker: Actor) -> None:
    client = signed_in(worker)
    assert "还没有消息" in text(client.get("/inbox/"))
    assert "都看过了" in text(client.get("/inbox/?show=unread"))


def test_pages_of_the_inbox_lead_on_and_back(worker: Actor) -> None:
    for number in range(31):
        tell(account_of(worker), title=f"第{number}条")
    client = signed_in(worker)
    first = client.get("/inbox/")
    assert "第30条" in text(first)
    assert "第0条" not in text(first)
    second = client.get("/inbox/" + first.context["page"]["next_url"])
    assert "第0条" in text(second)
    assert second.context["page"] == {"previous_url": "/inbox/", "next_url": ""}
    for nonsense in ("x", "-1", "9" * 30, "１"):
        assert client.get("/inbox/", {"before": nonsense}).status_code == 200


def test_a_live_list_is_renewed_without_the_page_around_it(worker: Actor) -> None:
    tell(account_of(worker), title="新消息")
    part = text(signed_in(worker).get("/inbox/", headers={"HX-Request": "true"}))
    assert "新消息" in part
    assert "<html" not in part


def test_opening_a_notice_reads_it_and_leads_on(worker: Actor) -> None:
    [notice_id] = tell(account_of(worker), link="/work/cases/7/", urgency="URGENT")
    client = signed_in(worker)
    ahead = client.get(f"/inbox/{notice_id}/", headers={"Sec-Purpose": "prefetch"})
    assert ahead.status_code == 302
    assert queries.unread_count(worker.own_account()) == 1, "fetched ahead is not read"
    answer = client.get(f"/inbox/{notice_id}/")
    assert (answer.status_code, answer["Location"]) == (302, "/work/cases/7/")
    notice = Notice.objects.get(pk=notice_id)
    assert notice.read_at is not None
    assert notice.escalate_at is None
    assert client.get(f"/inbox/{notice_id}/").status_code == 302


def test_another_s_notice_is_not_there(worker: Actor) -> None:
    [notice_id] = tell(make_reader())
    assert signed_in(worker).get(f"/inbox/{notice_id}/").status_code == 404
    assert Notice.objects.get(pk=notice_id).read_at is None


@pytest.mark.parametrize("link", ["https://elsewhere.test/", "//elsewhere.test/", ""])
def test_a_notice_leads_nowhere_outside(worker: Actor, link: str) -> None:
    [notice_id] = tell(account_of(worker), link=link)
    assert signed_in(worker).get(f"/inbox/{notice_id}/")["Location"] == "/inbox/"


def test_all_on_the_page_are_marked_read(worker: Actor) -> None:
    tell(account_of(worker))
    client = signed_in(worker)
    newest = client.get("/inbox/").context["newest"]
    tell(account_of(worker))
    answer = client.post("/inbox/read-all/", {"up_to": newest}, follow=True)
    assert "1 条消息已标为已读" in text(answer)
    assert queries.unread_count(worker.own_account()) == 1
    assert client.post("/inbox/read-all/", {"up_to": "x"}).status_code == 302


def test_preferences_are_kept_and_shown(worker: Actor) -> None:
    client = signed_in(worker)
    answer = client.post(
        "/inbox/preferences/",
        {
            "topic-case": "WEB_PUSH.APPRISE",
            "topic-alert": "INBOX",
            "topic-clock": "USUAL",
            "quiet": "1",
            "quiet_from": "21:30",
            "quiet_to": "06:00",
        },
        follow=True,
    )
    assert "通知方式已保存" in text(answer)
    choices = queries.choices(worker.own_account())
    assert choices.chosen == {"case", "alert"}
    assert set(choices.channels["case"]) == {"WEB_PUSH", "APPRISE"}
    assert choices.channels["alert"] == ()
    assert choices.quiet_hours == (time(21, 30), time(6))
    shown = {
        topic.code: next(option.value for option in topic.options if option.checked)
        for topic in answer.context["topics"]
    }
    assert shown["case"] == "WEB_PUSH.APPRISE"
    assert (shown["alert"], shown["clock"]) == ("INBOX", "USUAL")
    assert 'name="quiet_from" type="time" value="21:30"' in text(answer)


@pytest.mark.parametrize(
    "given",
    [
        {"topic-case": "PIGEON"},
        {"quiet": "1", "quiet_from": "late", "quiet_to": "07:00"},
        {"quiet": "1", "quiet_from": "07:00", "quiet_to": "07:00"},
    ],
)
def test_preferences_that_cannot_be_are_said(worker: Actor, given: dict[str, str]) -> None:
    answer = signed_in(worker).post("/inbox/preferences/", given)
    assert answer.status_code == 422
    assert 'role="alert"' in text(answer)
    assert queries.choices(worker.own_account()).chosen == frozenset()


def test_the_demo_channel_is_offered_in_demonstrations_only(
    worker: Actor, settings: Settings
) -> None:
    client = signed_in(make_staff(Role.SYSTEM_ADMIN))
    for demo in (False, True):
        settings.DEMO = demo
        assert ("演示渠道" in text(client.get("/inbox/preferences/"))) is demo
    # It was made to fail: who does not mend channels need not see it.
    assert "演示渠道" not in text(signed_in(worker).get("/inbox/preferences/"))


def test_one_s_address_is_named_and_can_be_closed(worker: Actor) -> None:
    address = make_address(account_of(worker), "APPRISE", "json://secret-address")
    client = signed_in(worker)
    page = text(client.get("/inbox/preferences/"))
    assert address.name in page
    assert "secret-address" not in page
    client.post(f"/inbox/preferences/addresses/{address.pk}/remove/")
    assert queries.addresses(account_id=worker.own_account()) == []


def test_dead_letters_say_why_and_are_resent(worker: Actor, administrator: Actor) -> None:
    letter, other = dead_letter(worker), dead_letter(worker, "HTTP_503")
    client = signed_in(administrator)
    page = text(client.get("/notices/dead-letters/"))
    assert "连不上对方的服务" in page
    assert "对方的服务出了故障" in page
    assert "secret-address" not in page
    answer = client.post(
        "/notices/dead-letters/resend/", {"id": [other.pk], "only": letter.pk}, follow=True
    )
    assert "1 条通知正在重发" in text(answer)
    letter.refresh_from_db()
    other.refresh_from_db()
    assert (letter.state, other.state) == ("PENDING", "DEAD")
    again = client.post("/notices/dead-letters/resend/", {"only": letter.pk}, follow=True)
    assert "已有人重发" in text(again)
    nothing = client.post("/notices/dead-letters/resend/", {"id": "x"}, follow=True)
    assert "请先勾选" in text(nothing)
    client.post("/notices/dead-letters/resend/", {"id": other.pk})
    assert "没有未送达的通知" in text(client.get("/notices/dead-letters/"))


def test_urgent_notices_nobody_read_are_listed(worker: Actor, administrator: Actor) -> None:
    [notice_id] = tell(account_of(worker), title="无人查看", urgency="URGENT")
    Escalation.objects.create(notice_id=notice_id, step="NOBODY_LEFT")
    client = signed_in(administrator)
    assert "无人查看" in text(client.get("/notices/dead-letters/"))
    actions.mark_read(notice_ids=[notice_id], by=worker)
    assert "无人查看" not in text(client.get("/notices/dead-letters/"))


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_addresses_are_entered_and_never_shown_again(worker: Actor, administrator: Actor) -> None:
    client = signed_in(administrator)
    given = {"name": "政务微信", "username": account_of(worker).username}
    wrong = client.post("/notices/addresses/", {**given, "value": "nonsense"})
    assert wrong.status_code == 422
    assert "无法识别" in text(wrong)
    assert f'value="{given["username"]}" selected' in text(wrong), "chosen from a list, and kept"
    nobody = client.post("/notices/addresses/", {**given, "username": "no", "value": "x"})
    assert "没有这个用户名" in text(nobody)
    saved = client.post(
        "/notices/addresses/", {**given, "value": "wecombot://secretword"}, follow=True
    )
    assert "政务微信" in text(saved)
    assert "secretword" not in text(saved)
    [row] = queries.addresses()
    client.post(f"/notices/addresses/{row.id}/remove/")
    assert queries.addresses() == []
