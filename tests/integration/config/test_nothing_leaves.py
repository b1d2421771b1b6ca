"""No resident's words leave the platform over a channel: no push, no mail, no call of a gateway.

Matters full of personal data are lived through to the end by people who are reached in every way
there is, by real HTTP and SMTP; what the services received is opened and searched.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import http_ece
import orjson
import pytest
from django.utils import timezone

from huying.cases import actions, queries
from huying.cases.actions import Contact, Received
from huying.cases.models import Case, Clock
from huying.directory import actions as directory
from huying.directory.permissions import Actor
from huying.notices import actions as notices
from huying.notices.models import Delivery, Notice
from huying.notices.rules.vocabulary import TOPICS
from huying.sensing.events import AlertOpened, alert_opened
from tests.factories.cases import RESIDENT, Office, do, make_alert_event, make_office, make_report
from tests.factories.directory import account_of
from tests.factories.notices import SYSTEM, make_address
from tests.integration.config.test_nothing_personal import (
    HOME,
    ID_NUMBER,
    MARKS,
    NAME,
    PHONE,
    WORDS,
    known_reporter,
)
from tests.integration.notices.servers import Outside, running_mail, running_outside
from tests.integration.notices.test_channels import BROWSER_KEY, BROWSER_SECRET, subscription

pytestmark = [
    pytest.mark.django_db,
    # The mail plugin of Apprise imports it on Python 3.11.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]

SAID: Final = f"{NAME}住{HOME}，{WORDS}，身患尿毒症，电话{PHONE}，证件号{ID_NUMBER}"
"""Begins with a name and an address, as the title of the matter then does."""
STAFF_SAID: Final = f"经与{NAME}本人通话{PHONE}，其家住{HOME}，靠透析维持"
PLACE: Final = "城关镇东门社区第1网格"


@dataclass(frozen=True)
class Message:
    to: str
    way: str
    title: str
    body: str
    text: str
    """All of it, headers and path included."""


class World:
    """What the services outside have received."""

    def __init__(self, web: Outside, mail: Outside) -> None:
        self.web, self.mail = web, mail

    def reach(self, who: str, actor: Actor) -> None:
        """By push, by a gateway and by mail, of every topic, however ordinary."""
        account = account_of(actor)
        make_address(account, "WEB_PUSH", subscription(f"{self.web.url}/push/{who}"))
        make_address(account, "APPRISE", f"{self.web.url.replace('http', 'json')}/gateway/{who}")
        port = self.mail.url.rpartition(":")[2]
        make_address(
            account,
            "APPRISE",
            f"mailto://county.test:{port}/{who}@county.test?smtp=127.0.0.1&from=huying@county.test",
        )
        both = ["WEB_PUSH", "APPRISE"]
        notices.set_preferences(channels=dict.fromkeys(TOPICS, both), quiet_hours=None, by=actor)

    def ring(self) -> None:
        """Whatever is told goes out now."""
        Delivery.objects.filter(state="PENDING").update(
            next_attempt_at=timezone.now() - timedelta(minutes=1)
        )
        result = notices.drain(by=SYSTEM)
        assert (result.failed, result.dead) == (0, 0)

    @property
    def messages(self) -> list[Message]:
        return [*map(_of_web, self.web.received), *map(_of_mail, self.mail.received)]


def _of_web(received: Any) -> Message:
    _root, way, who = received.path.split("/")
    body = received.body
    if way == "push":
        body = http_ece.decrypt(
            body, private_key=BROWSER_KEY, auth_secret=BROWSER_SECRET, version="aes128gcm"
        )
    sent = orjson.loads(body)
    shown = sent["body"] if way == "push" else sent["message"]
    text = f"{received.path} {received.headers} {_readable(sent)}"
    return Message(who, way, sent["title"], shown, text)


def _readable(sent: dict[str, Any]) -> str:
    return orjson.dumps(sent).decode()


def _of_mail(received: Any) -> Message:
    mail = email.message_from_bytes(received.body, policy=email.policy.default)
    parts = [part.get_content() for part in mail.walk() if not part.is_multipart()]
    who = str(mail["To"]).partition("@")[0].lstrip("<")
    text = " ".join([*map(str, mail.values()), *parts])
    return Message(who, "mail", str(mail["Subject"]), parts[0], text)


@pytest.fixture
def world() -> Iterator[World]:
    with running_outside(200) as web, running_mail() as mail:
        yield World(web, mail)


@pytest.fixture
def office(world: World, tmp_path: Any, settings: Any) -> Office:
    settings.MEDIA_ROOT = tmp_path / "attachments"
    office = make_office()
    for who, actor in vars(office).items():
        if isinstance(actor, Actor):
            world.reach(who, actor)
    return office


def _report(**changes: Any) -> Received:
    contact = Contact(name=NAME, phone=PHONE, id_number=ID_NUMBER, address=HOME)
    return make_report(**({"text": SAID, "place_text": HOME, "contact": contact} | changes))


def _live_through(office: Office, world: World) -> Received:
    """Every notice of a resident's report that an act brings, each with words in it."""
    report = _report()
    case_id = report.case_id

    def step(action: str, by: Actor, **data: Any) -> None:
        do(case_id, action, by, note=STAFF_SAID, **data)

    step("return", office.officer, article=STAFF_SAID)
    step("decline_return", office.dispatcher)
    step("reassign", office.dispatcher, unit=office.bureau.pk)
    step("take", office.officer)
    step("assist", office.officer, assisting=[office.other_bureau.pk])
    step("extend", office.officer)
    step("decline_extend", office.head)
    step("extend", office.officer)
    step("approve_extend", office.head)
    step("supervise", office.leader)
    actions.supplement(receipt=report.receipt, text=SAID, by=RESIDENT)
    step("answer", office.officer, reply=STAFF_SAID, outcome="SOLVED")
    step("reject", office.grid_worker)
    step("answer", office.officer, reply=STAFF_SAID, outcome="SOLVED")
    step("verify", office.grid_worker, finding=STAFF_SAID)
    actions.rate(receipt=report.receipt, rating=1, by=RESIDENT, comment=SAID)
    actions.follow_up(receipt=report.receipt, comment=SAID, by=RESIDENT)
    step("reopen", office.dispatcher)
    step("call_back", office.clerk, result=STAFF_SAID)
    step("take", office.officer)
    step("answer", office.officer, reply=STAFF_SAID, outcome="SOLVED")
    step("close", office.dispatcher)
    taken_back = _report()
    actions.withdraw(receipt=taken_back.receipt, reason=SAID, by=RESIDENT)
    world.ring()
    return report


def _let_time_pass(office: Office, world: World) -> Received:
    """A report nobody touches: warned of, overdue, told again over other channels and to others."""
    ordinary, report = _report(), _report(urgency="EMERGENCY")
    now = datetime.now(UTC)
    take = Clock.objects.get(case_id=ordinary.case_id, name="take")
    assert take.warn_at is not None
    actions.run_clocks(now=take.warn_at)
    world.ring()
    for hours in (0.5, 3, 24, 24 * 5, 24 * 30):
        actions.run_clocks(now=now + timedelta(hours=hours))
        world.ring()
    for minutes in range(10, 100, 10):
        notices.escalate_unread(by=SYSTEM, now=now + timedelta(minutes=minutes))
        world.ring()
    return report


def test_a_resident_s_words_are_read_after_signing_in_and_nowhere_else(
    office: Office, world: World
) -> None:
    report = _live_through(office, world)
    waiting = _let_time_pass(office, world)

    told = Notice.objects.all()
    assert told.filter(title__contains=SAID[:20]).exists(), "the inbox goes on showing the title"
    assert told.filter(body__contains=STAFF_SAID).exists()
    messages = world.messages
    sent = Delivery.objects.filter(state="SENT")
    assert len(messages) == sent.count() > 100
    assert {message.way for message in messages} == {"push", "gateway", "mail"}
    # Everybody the procedure tells was reached by each way.
    assert {"officer", "head", "dispatcher", "grid_worker", "other_officer", "leader"} <= {
        message.to for message in messages
    }
    kinds = set(sent.values_list("notice__kind", flat=True))
    assert {
        "case.dispatch",
        "case.return",
        "case.decline_return",
        "case.assist",
        "case.supervise",
        "case.extend",
        "case.approve_extend",
        "case.decline_extend",
        "case.supplement",
        "case.answer",
        "case.reject",
        "case.rate_badly",
        "case.reopen",
        "case.close",
        "case.withdraw",
        "clock.soon",
        "clock.overdue",
    } <= kinds
    assert any("现转给您" in message.body for message in messages)

    for message in messages:
        _says_nothing_of(message, SAID, STAFF_SAID)
    # And yet enough to know what it is about.
    garbage = queries.category_name("GARBAGE")
    numbers = set(Case.objects.values_list("number", flat=True))
    for message in messages:
        assert garbage in message.title, message
        assert PLACE in message.body, message
        assert any(number in message.body for number in numbers), message
    assert {report.case_number, waiting.case_number} <= numbers
    firsts = [message for message in messages if message.to == "officer"][:1]
    assert [message.title for message in firsts] == [f"新派单：{garbage}"]
    assert re.fullmatch(
        rf"{PLACE} · 须于\d+月\d+日(\d\d:\d\d)?前(（暂定）)?签收 · 住建局 · {report.case_number}",
        firsts[0].body.splitlines()[0],
    ), firsts[0].body
    assert any(
        re.search(r"应于\d+月\d+日(\d\d:\d\d)?前(（暂定）)?签收，已超期", message.body)
        for message in messages
    )


def _says_nothing_of(message: Message, *texts: str) -> None:
    assert not [mark for mark in MARKS if mark in message.text], message
    for text in texts:
        pieces = {text[at : at + 5] for at in range(len(text) - 4)}
        # Five digits may be anybody's, those of an id of a mail; the whole numbers are marks.
        told = [one for one in pieces if one in message.text and not one.isdecimal()]
        assert not told, message


def test_a_secret_report_is_a_number_and_a_time(office: Office, world: World) -> None:
    report = _report(secret=True)
    do(report.case_id, "take", office.officer)
    do(report.case_id, "supervise", office.leader, STAFF_SAID)
    # Another report of the same does not make it less secret.
    actions.join_report(by=RESIDENT, receipt=report.receipt, text=SAID, place_text=HOME)
    do(report.case_id, "answer", office.officer, reply=STAFF_SAID, outcome="SOLVED")
    world.ring()
    messages = world.messages
    assert messages
    for message in messages:
        _says_nothing_of(message, SAID, STAFF_SAID, queries.category_name("GARBAGE") + PLACE)
        assert message.title.endswith("：保密事项"), message
        assert report.case_number in message.body
        for known in (queries.category_name("GARBAGE"), "东门社区", "住建局"):
            assert known not in message.text


def test_a_sensor_s_alert_keeps_its_title(office: Office, world: World) -> None:
    event = make_alert_event()
    alert_opened.send(sender=AlertOpened, event=event)
    alert_opened.send(sender=AlertOpened, event=replace(event, alert_id=42, value=190.0))
    case = Case.objects.get()
    do(case.pk, "supervise", office.leader, STAFF_SAID)
    world.ring()
    messages = world.messages
    # Those of one drain are sent side by side, and arrive in any order.
    pushed = {
        one.title: one.body for one in messages if (one.to, one.way) == ("grid_worker", "push")
    }
    first = pushed.pop("请到场核实：东门站 PM2.5 小时均值达到预警值")
    assert pushed.keys() == {"再次预警：东门站 PM2.5 小时均值达到预警值"}
    assert re.fullmatch(
        rf"{PLACE} · 须于\d+月\d+日\d\d:\d\d前响应 · 生态环境局 · {case.number}", first
    ), first
    for message in messages:
        _says_nothing_of(message, STAFF_SAID)


def test_what_was_to_go_out_holds_nothing_to_forget(office: Office, world: World) -> None:
    """Erased while a gateway was away: what goes out afterwards is what it would have been."""
    report = _report()
    do(report.case_id, "take", office.officer)
    do(report.case_id, "answer", office.officer, reply=STAFF_SAID, outcome="SOLVED")
    do(report.case_id, "close", office.dispatcher)
    glances = list(Notice.objects.order_by("id").values_list("glance_title", "glance_body"))
    directory.erase_person(
        person_id=known_reporter(report.report_id), reason="本人申请删除", by=office.dispatcher
    )
    assert not Notice.objects.exclude(title="内容已依法删除").exists()
    assert list(Notice.objects.order_by("id").values_list("glance_title", "glance_body")) == glances
    world.ring()
    assert world.messages
    for message in world.messages:
        _says_nothing_of(message, SAID, STAFF_SAID)
