"""No personal datum in a log line, a metric, an address, an error or the ledger.

A matter is lived through with marked values, refusals and faults on the way, and everything that
leaves the vault and the case is searched for them.
"""

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.exposition import generate_latest

from huying.cases import actions
from huying.cases.actions import Contact
from huying.cases.models import Report
from huying.config.logs import JsonFormatter
from huying.directory import actions as directory
from huying.directory.models import Account, Person
from huying.directory.permissions import Actor, Role
from huying.ledger.models import Record
from huying.notices import actions as notices
from huying.notices.models import Address, Delivery, Notice
from tests.factories.cases import RESIDENT, account, do, make_office
from tests.factories.directory import account_of, make_staff
from tests.factories.ledger import seal
from tests.integration.config.test_reach import _lists

NAME: Final = "欧阳验密"
PHONE: Final = "13912340077"
ID_NUMBER: Final = "11010519491231002X"
HOME: Final = "密语巷七十七号"
WORDS: Final = "暗号紫罗兰开在井边"
STAFF_WORDS: Final = "密答金盏花"
MARKS: Final = (NAME, PHONE, ID_NUMBER, HOME, WORDS, "紫罗兰", STAFF_WORDS)

pytestmark = pytest.mark.django_db(transaction=True)
_logger = logging.getLogger("huying.tests")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything any library says, as the file on the server has it."""
    found = io.StringIO()
    handler = logging.StreamHandler(found)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield found
    root.setLevel(level)
    root.removeHandler(handler)


def found_in(text: str) -> list[str]:
    return [mark for mark in MARKS if mark in text]


def test_marked_values_stay_where_they_belong(client: Client, log: io.StringIO) -> None:
    office = make_office()
    refused: list[Any] = []
    report = {
        "text": f"{WORDS}，我是{NAME}，住{HOME}，电话{PHONE}。",
        "category": "GARBAGE",
        "place_text": HOME,
        "lon": 117.005,
        "lat": 39.005,
        "contact": {"name": NAME, "phone": PHONE},
    }

    def post(path: str, body: Any) -> Any:
        return client.post(f"/api/v1{path}", body, content_type="application/json")

    # Refused: each in another place of the door.
    refused.append(post("/reports", {**report, "category": NAME}))
    refused.append(post("/reports", {**report, "contact": {"name": [NAME], "phone": PHONE}}))
    refused.append(post("/reports", {**report, "lon": HOME}))
    refused.append(post("/reports", f'{{"text": "{WORDS}" broken'))
    refused.append(client.get(f"/api/v1/reports/{PHONE}"))
    assert [answer.status_code // 100 for answer in refused] == [4] * 5
    # A page may hold what was just typed into it or into its address; the log must not.
    client.get(f"/r/{PHONE}/")
    client.post("/sign-in/", {"username": PHONE, "password": WORDS})

    taken = post("/reports", report)
    assert taken.status_code == 201, taken.content
    receipt = taken.json()["receipt"]
    stored = Report.objects.select_related("case").get()
    assert WORDS in stored.text
    case_id = stored.case_id

    # A person in the vault, looked at for a purpose.
    clerk = make_staff(Role.INTAKE_CLERK, organisation=office.centre)
    assert stored.reporter_id is not None
    person_id = stored.reporter_id
    try:
        seen = directory.reveal_person(
            person_id=person_id,
            fields=["name", "phone"],
            purpose="回访核实",
            matter=f"case:{case_id}",
            by=clerk,
        )
    except directory.PersonMissing:
        pytest.fail("the reporter is in the vault")
    assert seen["phone"] == PHONE

    # The officer answers, and is told over a channel that fails.
    officer = Account.objects.get(pk=account(office.officer))
    Address.objects.create(
        account=officer, channel="DEMO", name="测试", sealed=f"fail {PHONE}", digest="0" * 16
    )
    notices.set_preferences(channels={"case": ["DEMO"]}, quiet_hours=None, by=office.officer)
    do(case_id, "take", office.officer)
    do(case_id, "answer", office.officer, reply=f"{STAFF_WORDS}，{NAME}您好。", outcome="SOLVED")
    actions.rate(receipt=receipt, rating=1, by=RESIDENT, comment=WORDS)
    actions.follow_up(receipt=receipt, comment=f"{HOME}还是老样子", by=RESIDENT)
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    notices.drain(by=Actor.system("notices"))

    # A fault in the middle of it: the database quotes the whole row.
    try:
        with transaction.atomic():
            Report.objects.filter(pk=stored.pk).update(state="NOPE")
    except IntegrityError as fault:
        quoted = str(fault)
        _logger.exception("a fault")
    assert WORDS in quoted

    lines = log.getvalue()
    assert "ledger.recorded" in lines
    assert "a fault" in lines
    assert not found_in(lines)
    assert receipt not in lines
    assert not found_in(generate_latest(REGISTRY).decode())
    for answer in refused:
        assert not found_in(answer.content.decode()), answer.status_code
        assert not found_in(answer.headers.get("Location", ""))
    entries = [bytes(entry).decode() for entry in Record.objects.values_list("entry", flat=True)]
    assert len(entries) > 5
    for text in entries:
        assert not found_in(text)
        assert receipt not in text
    for link in Notice.objects.values_list("link", flat=True):
        assert not found_in(link)
        assert receipt not in link


_ADDRESS: Final = re.compile(r"""(?:href|src|action|hx-\w+|data-[\w-]+)\s*=\s*["']([^"']*)["']""")


class Browser:
    """Asks as one person, and keeps every address that is met on the way."""

    def __init__(self, actor: Actor | None = None) -> None:
        self.client = Client(raise_request_exception=False)
        self.addresses: set[str] = set()
        if actor is not None:
            self.client.force_login(account_of(actor))

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = getattr(self.client, method)(path, body, **more)
        said = b"".join(answer.streaming_content if answer.streaming else [answer.content])
        self.addresses |= {path, answer.headers.get("Location", "")}
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            found = _ADDRESS.findall(said.decode())
            self.addresses |= {one for one in found if one.startswith(("/", "?", "http"))}
        return answer

    def act(self, case_id: int, action: str, **data: Any) -> None:
        given = {"action": action, "note": STAFF_WORDS, "data": data}
        path = f"/api/v1/cases/{case_id}/acts"
        answer = self.ask("post", path, given, content_type="application/json")
        assert answer.status_code == 200, answer.content.decode()


def test_a_matter_lived_through_by_its_pages(client: Client, log: io.StringIO) -> None:
    """Taken down at the telephone, answered, rated, reopened, closed, looked at and forgotten; then
    what everybody met on the way: addresses, headers, jobs, the public log to its last byte."""
    office = make_office()
    clerk, officer = Browser(office.clerk), Browser(office.officer)
    dispatcher, auditor, resident = Browser(office.dispatcher), Browser(office.auditor), Browser()
    everybody = [clerk, officer, dispatcher, auditor, resident]
    Address.objects.create(
        account=account_of(office.officer), channel="DEMO", name="测试", sealed="x", digest="0" * 16
    )
    notices.set_preferences(channels={"case": ["DEMO"]}, quiet_hours=None, by=office.officer)
    taken = clerk.ask(
        "post",
        "/desk/intake/",
        {
            "channel": "PHONE", "text": f"{WORDS}，我是{NAME}", "place_text": HOME, "kind": "HELP",
            "name": NAME, "phone": PHONE, "urgency": "NORMAL", "people_involved": "1",
            "category": "GARBAGE", "idempotency_key": "k1", "lon": "117.005", "lat": "39.005",
        },
    )  # fmt: skip
    assert taken.status_code == 302, taken.content.decode()[:2000]
    # What a form of the county may also know of somebody.
    known = actions.receive_report(
        text=WORDS,
        category="GARBAGE",
        contact=Contact(name=NAME, phone=PHONE, id_number=ID_NUMBER, address=HOME),
        by=office.clerk,
        lon=117.005,
        lat=39.005,
    )
    report = Report.objects.exclude(pk=known.report_id).get()
    receipt, case_id, person = report.receipt, report.case_id, report.reporter_id
    assert Person.objects.get(pk=known_reporter(known.report_id)).id_number is not None

    clerk.ask("get", f"/desk/intake/{receipt}/")
    for refused in (officer, dispatcher, Browser()):
        for path in (f"/desk/intake/{receipt}/", f"/r/{receipt}/files/9/", f"/r/{PHONE}/"):
            refused.client.get(path)
        refused.ask("post", "/desk/intake/", {"text": WORDS, "phone": NAME, "lon": HOME})
    if report.case.state != "DISPATCHED":
        dispatcher.act(case_id, "dispatch", unit=office.bureau.pk)
    officer.act(case_id, "take")
    officer.act(case_id, "answer", reply=f"{STAFF_WORDS}，{NAME}您好。", outcome="SOLVED")
    resident.ask("get", f"/r/{receipt}/")
    resident.ask("post", f"/r/{receipt}/rate/", {"level": "1", "comment": f"{WORDS} {PHONE}"})
    resident.ask("post", f"/r/{receipt}/follow-up/", {"comment": f"{HOME}还是老样子"})
    resident.ask("post", f"/r/{receipt}/add/", {"text": f"{NAME}补充：{WORDS}"})
    resident.ask("post", "/progress/", {"receipt": receipt})
    look = f"/desk/{case_id}/reports/{report.pk}/people/{person}/"
    seen = officer.ask("post", look, {"purpose": "回访核实", "fields_wanted": ["name", "phone"]})
    assert PHONE in seen.content.decode()
    officer.ask("post", look, {"purpose": NAME, "fields_wanted": [PHONE]})
    officer.ask("post", f"/desk/{known.case_id}/reports/{report.pk}/people/{person}/", {})
    found = dispatcher.ask("post", "/desk/erasing/", {"phone": PHONE})
    assert found.status_code == 200
    dispatcher.ask("post", f"/desk/erasing/{person}/", {"ground": NAME, "reason": WORDS})
    resident.ask("post", "/sign-in/", {"username": NAME, "password": PHONE})

    for browser in everybody:
        for path in sorted(set(_lists())):
            browser.ask("get", path)
        for path in (f"/desk/{case_id}/", f"/audit/cases/{case_id}/", f"/desk/{case_id}/print/"):
            browser.ask("get", path)

    lines = log.getvalue()
    assert "access.refused" in lines
    assert not found_in(lines)
    assert receipt not in lines
    assert known.receipt not in lines
    assert not found_in(generate_latest(REGISTRY).decode())
    met = set().union(*(browser.addresses for browser in everybody))
    assert len(met) > 200
    assert not [address for address in met if found_in(unquote(address))]
    # The receipt opens the resident's page: it is in no address but those of that page, and of
    # the slip a clerk reads it out from.
    pages = (f"/r/{receipt}/", f"/desk/intake/{receipt}/", f"/r/{known.receipt}/")
    loose = [one for one in met if receipt in one and not any(page in one for page in pages)]
    assert not loose
    for browser in (officer, dispatcher, auditor):
        assert not [one for one in browser.addresses if receipt in one and "intake" not in one]
    with connection.cursor() as cursor:
        cursor.execute("SELECT args::text FROM procrastinate_jobs")
        jobs = [str(row[0]) for row in cursor.fetchall()]
        cursor.execute(
            "SELECT array_agg(kind || ' ' || link || ' ' || subject) FROM notices_notice"
        )
        notices_told = " ".join(cursor.fetchone()[0] or ())
    assert jobs
    assert not any(found_in(job) for job in jobs)
    # Who is told reads the title of the matter; where it leads says nothing.
    assert not found_in(notices_told)
    assert receipt not in notices_told

    # The public log, as anybody fetches it.
    size = seal()
    assert size > 10
    public = [client.get("/ledger/checkpoint").content, client.get("/ledger/keys").content]
    for level in ("entries", "0"):
        tile = client.get(f"/ledger/tile/{level}/000.p/{size}")
        assert tile.status_code == 200
        public.append(tile.content)
    entries = public[-2]
    for number in Record.objects.values_list("pk", flat=True):
        public.append(client.get(f"/verify/{number}/").content)
        public.append(client.get(f"/verify/{number}/proof.json").content)
    assert b"case:" in entries
    for piece in public:
        text = piece.decode(errors="replace")
        assert not found_in(text)
        assert not found_in(json.dumps(text))
        assert receipt not in text


def known_reporter(report_id: int) -> int:
    reporter = Report.objects.get(pk=report_id).reporter_id
    assert reporter is not None
    return reporter
