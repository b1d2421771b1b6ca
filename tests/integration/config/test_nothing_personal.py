"""No personal datum in a log line, a metric, an address, an error or the ledger.

A matter is lived through with marked values, refusals and faults on the way, and everything that
leaves the vault and the case is searched for them.
"""

import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.exposition import generate_latest

from huying.cases import actions
from huying.cases.models import Report
from huying.config.logs import JsonFormatter
from huying.directory import actions as directory
from huying.directory.models import Account
from huying.directory.permissions import Actor, Role
from huying.ledger.models import Record
from huying.notices import actions as notices
from huying.notices.models import Address, Delivery, Notice
from tests.factories.cases import RESIDENT, account, do, make_office
from tests.factories.directory import make_staff

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
