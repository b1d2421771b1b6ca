import re
from datetime import timedelta

import pyotp
import pytest
from django.test import Client
from django.utils import timezone

from huying.directory import actions
from huying.directory.models import Account, SignIn
from huying.directory.pages.session import PROVEN, PROVEN_SECONDS, SEEN, STARTED
from huying.directory.permissions import Actor, Role
from huying.directory.vault import Sealed
from huying.ledger.models import Record
from tests.factories import directory as make

pytestmark = pytest.mark.django_db


def sign_in(client: Client, username: str, password: str, **more: str) -> int:
    answer = client.post("/sign-in/", {"username": username, "password": password, **more})
    return answer.status_code


@pytest.fixture
def dispatcher() -> Actor:
    return make.make_staff(Role.DISPATCHER, username="li", password=make.PASSWORD)


def test_the_right_password_opens_a_session_and_the_home_of_the_role(
    client: Client, dispatcher: Actor
) -> None:
    assert sign_in(client, "LI ", make.PASSWORD) == 302
    answer = client.get("/start/")
    assert answer.headers["Location"] == "/desk/"
    assert Record.objects.filter(kind="account.signed_in", actor=dispatcher.ref).exists()
    assert "张伟" in client.get("/account/").content.decode()


def test_five_failures_lock_even_for_the_right_password(client: Client, dispatcher: Actor) -> None:
    for _ in range(4):
        assert sign_in(client, "li", "wrong") == 401
    assert sign_in(client, "li", "wrong") == 423
    assert sign_in(client, "li", make.PASSWORD) == 423
    assert Record.objects.filter(kind="account.locked_by_failures").count() == 1

    Account.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert sign_in(client, "li", make.PASSWORD) == 302


def test_a_success_starts_the_count_anew(client: Client, dispatcher: Actor) -> None:
    for _ in range(4):
        sign_in(client, "li", "wrong")
    assert sign_in(client, "li", make.PASSWORD) == 302
    client.post("/sign-out/")
    assert sign_in(client, "li", "wrong") == 401


def test_an_unknown_name_locks_like_a_known_one(client: Client, dispatcher: Actor) -> None:
    answers = {
        name: [sign_in(client, name, "wrong") for _ in range(6)] for name in ("li", "nobody")
    }
    assert answers["li"] == [401, 401, 401, 401, 423, 423]
    assert answers["nobody"][-1] == 423


def test_the_security_administrator_unlocks(client: Client, dispatcher: Actor) -> None:
    assert dispatcher.account_id
    for _ in range(5):
        sign_in(client, "li", "wrong")
    security = make.make_staff(Role.SECURITY_ADMIN)
    actions.unlock_account(account_id=dispatcher.account_id, by=security)
    assert sign_in(client, "li", make.PASSWORD) == 302


def test_a_switched_off_account_cannot_sign_in_and_loses_its_session(
    client: Client, dispatcher: Actor
) -> None:
    assert dispatcher.account_id
    sign_in(client, "li", make.PASSWORD)
    actions.set_account_active(account_id=dispatcher.account_id, active=False, by=make.SYSTEM)
    assert client.get("/account/").status_code == 302
    assert sign_in(Client(), "li", make.PASSWORD) == 401


def test_anonymous_visitors_are_asked_to_sign_in_and_come_back(
    client: Client, dispatcher: Actor
) -> None:
    answer = client.get("/account/?a=1")
    assert answer.headers["Location"] == "/sign-in/?next=%2Faccount%2F%3Fa%3D1"
    answer = client.post(
        "/sign-in/", {"username": "li", "password": make.PASSWORD, "next": "/account/?a=1"}
    )
    assert answer.headers["Location"] == "/account/?a=1"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:1"])
def test_next_never_leaves_the_site(client: Client, dispatcher: Actor, target: str) -> None:
    answer = client.post("/sign-in/", {"username": "li", "password": make.PASSWORD, "next": target})
    assert answer.headers["Location"] == "/start/"


def test_idle_sessions_end(client: Client, dispatcher: Actor) -> None:
    sign_in(client, "li", make.PASSWORD)
    session = client.session
    session[SEEN] -= 60 * 60 + 1
    session.save()
    assert client.get("/account/").status_code == 302


def test_sessions_end_after_a_days_work(client: Client, dispatcher: Actor) -> None:
    sign_in(client, "li", make.PASSWORD)
    session = client.session
    session[STARTED] -= 12 * 3600 + 1
    session.save()
    assert client.get("/account/").status_code == 302


def test_reading_pages_writes_nothing(
    client: Client, dispatcher: Actor, django_assert_max_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    sign_in(client, "li", make.PASSWORD)
    client.get("/start/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/start/")
    assert [q["sql"] for q in queries if not q["sql"].startswith("SELECT")] == []
    assert len(queries) == 1


def test_a_given_password_must_be_changed_before_anything_else(client: Client) -> None:
    actor = make.make_staff(Role.OFFICER, username="wang")
    assert actor.account_id
    actions.set_password(account_id=actor.account_id, password=make.PASSWORD, by=make.SYSTEM)
    sign_in(client, "wang", make.PASSWORD)
    assert client.get("/start/").headers["Location"] == "/account/password/"

    new = "Another-Pass-77"
    wrong = client.post("/account/password/", {"old": "no", "new": new, "again": new, "owed": "1"})
    assert "原密码不对" in wrong.content.decode()
    same = client.post(
        "/account/password/",
        {"old": make.PASSWORD, "new": make.PASSWORD, "again": make.PASSWORD},
    )
    assert "用过的密码" in same.content.decode()
    answer = client.post(
        "/account/password/", {"old": make.PASSWORD, "new": new, "again": new, "owed": "1"}
    )
    assert answer.headers["Location"] == "/start/"
    assert client.get("/start/").headers["Location"] == "/desk/"


def test_changing_the_password_ends_the_other_sessions(client: Client, dispatcher: Actor) -> None:
    elsewhere = Client()
    sign_in(elsewhere, "li", make.PASSWORD)
    sign_in(client, "li", make.PASSWORD)
    new = "Another-Pass-77"
    client.post("/account/password/", {"old": make.PASSWORD, "new": new, "again": new})
    assert client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


def test_signing_out_everywhere(client: Client, dispatcher: Actor) -> None:
    elsewhere = Client()
    sign_in(elsewhere, "li", make.PASSWORD)
    sign_in(client, "li", make.PASSWORD)
    assert client.post("/account/sign-out-everywhere/").status_code == 302
    assert elsewhere.get("/account/").status_code == 302
    assert not SignIn.objects.filter(ended_at__isnull=True).exists()


def test_one_other_device_can_be_signed_out(client: Client, dispatcher: Actor) -> None:
    elsewhere = Client()
    sign_in(elsewhere, "li", make.PASSWORD)
    sign_in(client, "li", make.PASSWORD)
    other = SignIn.objects.get(session_key=elsewhere.session.session_key)
    stranger = Client()
    make.make_staff(Role.OFFICER, username="zhao", password=make.PASSWORD)
    sign_in(stranger, "zhao", make.PASSWORD)
    stranger.post(f"/account/sessions/{other.pk}/end/")
    assert elsewhere.get("/account/").status_code == 200

    client.post(f"/account/sessions/{other.pk}/end/")
    assert elsewhere.get("/account/").status_code == 302
    assert client.get("/account/").status_code == 200


def secret_of(actor: Actor) -> str:
    sealed = Account.objects.get(pk=actor.own_account()).totp_secret
    assert isinstance(sealed, Sealed)
    return sealed.open()


def test_the_second_factor_is_set_up_and_asked_for(client: Client, dispatcher: Actor) -> None:
    sign_in(client, "li", make.PASSWORD)
    page = client.get("/account/second-factor/").content.decode()
    assert "<svg" in page
    assert "viewBox" in page, "cut off where its frame is smaller than the code"
    totp = pyotp.TOTP(secret_of(dispatcher))
    assert re.sub(r"\s", "", page).count(totp.secret) == 1
    now = timezone.now()
    bad = client.post("/account/second-factor/", {"code": "000000"})
    assert bad.status_code == 422
    used = totp.at(now)
    assert client.post("/account/second-factor/", {"code": used}).status_code == 302
    client.post("/sign-out/")

    assert sign_in(client, "li", make.PASSWORD) == 302
    assert client.get("/account/").status_code == 302
    replayed = client.post("/sign-in/second-factor/", {"code": used})
    assert replayed.status_code == 401
    fresh = totp.at(now + timedelta(seconds=30))
    assert client.post("/sign-in/second-factor/", {"code": fresh}).status_code == 302
    assert client.get("/account/").status_code == 200


def test_wrong_codes_lock_as_wrong_passwords_do(client: Client, dispatcher: Actor) -> None:
    sign_in(client, "li", make.PASSWORD)
    client.get("/account/second-factor/")
    totp = pyotp.TOTP(secret_of(dispatcher))
    client.post("/account/second-factor/", {"code": totp.now()})
    client.post("/sign-out/")
    sign_in(client, "li", make.PASSWORD)
    codes = [
        client.post("/sign-in/second-factor/", {"code": "12345"}).status_code for _ in range(5)
    ]
    assert codes == [401, 401, 401, 401, 423]
    assert client.post("/sign-in/second-factor/", {"code": "12345"}).status_code == 302


def test_a_role_may_owe_a_second_factor(client: Client, settings: object) -> None:
    settings.SECOND_FACTOR_ROLES = ["SYSTEM_ADMIN"]  # type: ignore[attr-defined]  # a fixture's proxy
    actor = make.make_staff(Role.SYSTEM_ADMIN, username="sun", password=make.PASSWORD)
    sign_in(client, "sun", make.PASSWORD)
    assert client.get("/start/").headers["Location"] == "/account/second-factor/"
    assert client.get("/api/v1/me").status_code == 403
    client.get("/account/second-factor/")
    code = pyotp.TOTP(secret_of(actor)).now()
    client.post("/account/second-factor/", {"code": code, "owed": "1"})
    assert client.get("/start/").headers["Location"] == "/health/"


def test_demo_sign_in_exists_on_demonstration_sites_only(
    client: Client, settings: object, dispatcher: Actor
) -> None:
    assert client.post("/sign-in/demo/dispatcher/").status_code == 404
    settings.DEMO = True  # type: ignore[attr-defined]  # a fixture's proxy
    page = client.get("/sign-in/").content.decode()
    assert "调度员" in page
    assert "张伟" in page
    assert client.get("/sign-in/demo/dispatcher/").status_code == 405
    answer = client.post("/sign-in/demo/dispatcher/")
    assert answer.headers["Location"] == "/desk/"
    assert client.post("/sign-in/demo/nonsense/").status_code == 404


def test_a_failed_record_leaves_no_lock_out_open(
    client: Client, dispatcher: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account changes and its record are one transaction."""

    def fail(**_: object) -> int:
        raise RuntimeError

    monkeypatch.setattr("huying.directory.actions.accounts.record", fail)
    assert dispatcher.account_id
    with pytest.raises(RuntimeError):
        actions.set_password(
            account_id=dispatcher.account_id, password="Another-Pass-77", by=make.SYSTEM
        )
    assert sign_in(client, "li", make.PASSWORD) == 302


PASSWORD = {"password": make.PASSWORD}


def _some_time_later(client: Client) -> None:
    session = client.session
    session[PROVEN] -= PROVEN_SECONDS + 1
    session.save()


def test_what_changes_the_sign_in_asks_for_the_password_again(
    client: Client, dispatcher: Actor
) -> None:
    elsewhere = Client()
    sign_in(elsewhere, "li", make.PASSWORD)
    sign_in(client, "li", make.PASSWORD)
    other = SignIn.objects.get(session_key=elsewhere.session.session_key)
    _some_time_later(client)
    asked = {
        "/account/second-factor/": client.get("/account/second-factor/"),
        f"/account/sessions/{other.pk}/end/": client.post(f"/account/sessions/{other.pk}/end/"),
        "/account/sign-out-everywhere/": client.post("/account/sign-out-everywhere/"),
    }
    for path, answer in asked.items():
        assert answer.headers["Location"].startswith("/account/confirm/?next=%2Faccount%2F"), path
    assert elsewhere.get("/account/").status_code == 200
    assert "再输一遍密码" in client.get("/account/confirm/").content.decode()

    before = client.session.session_key
    wrong = client.post("/account/confirm/", {"password": "wrong", "next": "/account/"})
    assert wrong.status_code == 401
    right = client.post("/account/confirm/", {**PASSWORD, "next": "/account/second-factor/"})
    assert right.headers["Location"] == "/account/second-factor/"
    away = client.post("/account/confirm/", {**PASSWORD, "next": "https://evil.example/"})
    assert away.headers["Location"] == "/account/"
    assert client.session.session_key != before
    assert client.get("/account/second-factor/").status_code == 200
    client.post(f"/account/sessions/{other.pk}/end/")
    assert elsewhere.get("/account/").status_code == 302
    page = client.get("/account/").content.decode()
    assert "本机" in page, "the list knows this session under its new key"


def test_wrong_passwords_when_asked_again_lock_as_at_the_door(
    client: Client, dispatcher: Actor
) -> None:
    sign_in(client, "li", make.PASSWORD)
    _some_time_later(client)
    for _ in range(4):
        assert client.post("/account/confirm/", {"password": "wrong"}).status_code == 401
    assert client.post("/account/confirm/", {"password": "wrong"}).status_code == 423
    assert client.post("/account/confirm/", PASSWORD).status_code == 423


def test_a_new_second_factor_ends_the_other_sessions(client: Client, dispatcher: Actor) -> None:
    elsewhere = Client()
    sign_in(elsewhere, "li", make.PASSWORD)
    sign_in(client, "li", make.PASSWORD)
    client.get("/account/second-factor/")
    code = pyotp.TOTP(secret_of(dispatcher)).now()
    assert client.post("/account/second-factor/", {"code": code}).status_code == 302
    assert client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


def test_a_password_given_anew_leaves_the_second_factor(client: Client, dispatcher: Actor) -> None:
    sign_in(client, "li", make.PASSWORD)
    client.get("/account/second-factor/")
    totp = pyotp.TOTP(secret_of(dispatcher))
    client.post("/account/second-factor/", {"code": totp.now()})
    new = "Another-Pass-77"
    actions.set_password(account_id=dispatcher.own_account(), password=new, by=make.SYSTEM)
    assert client.get("/account/").status_code == 302, "its sessions ended"
    assert sign_in(client, "li", new) == 302
    assert client.get("/account/").status_code == 302, "the code is still owed"


def test_a_session_more_than_five_ends_the_oldest(client: Client, dispatcher: Actor) -> None:
    browsers = [Client() for _ in range(6)]
    for browser in browsers:
        assert sign_in(browser, "li", make.PASSWORD) == 302
    alive = [browser.get("/account/").status_code == 200 for browser in browsers]
    assert alive == [False, *[True] * 5]
    assert SignIn.objects.filter(ended_at__isnull=True).count() == 5


def test_a_sign_in_gets_a_session_of_its_own(client: Client, dispatcher: Actor) -> None:
    """A session somebody planted before the sign-in is worth nothing after it (fixation)."""
    session = client.session
    session["planted"] = "1"
    session.save()
    planted = session.session_key
    assert sign_in(client, "li", make.PASSWORD) == 302
    assert client.session.session_key != planted
    stranger = Client()
    stranger.cookies["sessionid"] = str(planted)
    assert stranger.get("/account/").status_code == 302
    assert len(client.session.session_key or "") >= 32


def test_signed_out_the_old_cookie_opens_nothing(client: Client, dispatcher: Actor) -> None:
    sign_in(client, "li", make.PASSWORD)
    kept = client.cookies["sessionid"].value
    page = client.get("/account/").content.decode()
    assert 'action="/sign-out/"' in page
    client.post("/sign-out/")
    thief = Client()
    thief.cookies["sessionid"] = kept
    assert thief.get("/account/").status_code == 302


def test_everybody_may_owe_a_second_factor(client: Client, settings: object) -> None:
    settings.SECOND_FACTOR_ROLES = ["ALL"]  # type: ignore[attr-defined]  # a fixture's proxy
    make.make_staff(Role.GRID_WORKER, username="sun", password=make.PASSWORD)
    sign_in(client, "sun", make.PASSWORD)
    assert client.get("/start/").headers["Location"] == "/account/second-factor/"


@pytest.mark.parametrize(
    "password",
    ["P@ssw0rd2026!", "Admin@123456", "Huying#2026xx", "Wangge12345!", "Iloveyou1314!",
     "Dragon2026!!", "Zhili-Zhongxin-88", "county-Admin-1"],
)  # fmt: skip
def test_words_everybody_would_try_are_no_password_however_dressed(password: str) -> None:
    account = make.make_account()
    with pytest.raises(actions.PasswordRefused) as refused:
        actions.set_password(account_id=account.pk, password=password, by=make.SYSTEM)
    assert "容易被猜到" in refused.value.zh


@pytest.mark.parametrize(
    "password",
    ["Qinghe-2026-ok", "correct Horse battery 9", "天青色等烟雨而我等你Ab1", "A1-" + "长" * 100],
)
def test_long_ones_and_any_letters_are_taken_as_they_are(client: Client, password: str) -> None:
    account = make.make_account("wu")
    actions.set_password(account_id=account.pk, password=password, by=make.SYSTEM)
    assert sign_in(client, "wu", password) == 302
    for other in (password.swapcase(), password[:-1], f"{password} "):
        assert sign_in(Client(), "wu", other) == 401


@pytest.mark.django_db(transaction=True)
def test_each_attempt_leaves_a_line_without_what_was_typed(
    client: Client, dispatcher: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "huying.trail"):
        sign_in(client, "li", "typed-Secret-1")
        sign_in(client, "typed-name", "typed-Secret-1")
        client.get("/admin/directory/account/")
        client.get("/api/v1/me")
        client.get("/api/v1/cases/424242", headers={"Authorization": "Bearer hy_nothing"})
        client.force_login(make.account_of(dispatcher))
        client.get("/audit/")
        client.get("/desk/424242/")
    lines = [
        {"what": record.getMessage(), **getattr(record, "numbers", {})}
        for record in caplog.records
        if record.name == "huying.trail"
    ]
    assert {"what": "sign_in.refused", "account": dispatcher.account_id, "why": "PASSWORD"} in lines
    assert {"what": "sign_in.refused", "why": "UNKNOWN"} in lines
    refused = [line for line in lines if line["what"] == "access.refused"]
    told = {(line["status"], line["route"], line["by"]) for line in refused}
    assert (401, "api/v1/me", "resident") in told
    assert (403, "audit/", dispatcher.ref) in told
    assert (404, "desk/<int:case_id>/", dispatcher.ref) in told
    assert "typed" not in str(lines)
