"""The auditor: reads everything, changes nothing, believes nobody."""

import csv
import io
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from huying.cases import actions
from huying.cases.models import Act, Case, Report
from huying.directory import actions as directory
from huying.directory.permissions import Role
from huying.ledger.models import Record, Salt
from tests.factories.cases import Office, make_answered, make_report
from tests.factories.directory import TOWNSHIP, account_of, make_post, make_staff

pytestmark = pytest.mark.django_db

PAGES = (
    "/audit/",
    "/audit/export.csv",
    "/audit/access/",
    "/audit/exports/",
    "/audit/ledger/",
    "/audit/cases/{case}/",
)


@pytest.fixture
def auditor(client: Client, office: Office) -> Client:
    client.force_login(account_of(office.auditor))
    return client


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def records_of(answer: Any) -> list[int]:
    return [int(one) for one in re.findall(r"/verify/(\d+)/", answer.content.decode())]


@pytest.mark.parametrize("who", ["dispatcher", "clerk", "officer", "head", "leader", "grid_worker"])
def test_the_audit_is_the_auditors(who: str, office: Office) -> None:
    case_id = make_report().case_id
    browser = Client()
    browser.force_login(account_of(getattr(office, who)))
    for path in PAGES:
        assert browser.get(path.format(case=case_id)).status_code == 403, path


def test_nobody_else_and_nothing_can_be_written(auditor: Client) -> None:
    case_id = make_report().case_id
    for path in PAGES:
        assert auditor.get(path.format(case=case_id)).status_code == 200, path
        assert auditor.post(path.format(case=case_id)).status_code == 405, path
        assert Client().get(path.format(case=case_id)).status_code == 302, path


def test_every_row_leads_to_its_proof(auditor: Client, office: Office) -> None:
    report = make_answered(office)
    answer = auditor.get("/audit/")
    wanted = list(Act.objects.order_by("-id").values_list("record_id", flat=True))
    assert records_of(answer) == wanted
    assert report.case_number in words_of(answer)


def test_rows_are_narrowed_by_matter_person_action_unit_and_day(
    auditor: Client, office: Office
) -> None:
    first = make_answered(office)
    make_report(text="另一处")
    by_number = auditor.get("/audit/", {"number": first.case_number})
    assert len(records_of(by_number)) == Act.objects.filter(case_id=first.case_id).count()
    by_person = auditor.get("/audit/", {"person": "郑经"})
    assert len(records_of(by_person)) == 2
    assert records_of(auditor.get("/audit/", {"person": "没有此人"})) == []
    assert len(records_of(auditor.get("/audit/", {"action": "answer"}))) == 1
    by_unit = auditor.get("/audit/", {"unit": office.bureau.pk})
    assert len(records_of(by_unit)) == Act.objects.filter(organisation=office.bureau).count()
    assert records_of(auditor.get("/audit/", {"until": "2020-01-01"})) == []
    assert auditor.get("/audit/", {"since": "not a day", "unit": "x"}).status_code == 200


def test_a_sample_can_be_drawn_again(auditor: Client, office: Office) -> None:
    for number in range(8):
        make_report(text=f"第{number}处")
    until = "2099-01-01"
    drawn = auditor.get("/audit/", {"sample": "5", "seed": "2026", "until": until})
    again = auditor.get("/audit/", {"sample": "5", "seed": "2026", "until": until})
    other = auditor.get("/audit/", {"sample": "5", "seed": "2027", "until": until})
    assert len(records_of(drawn)) == 5
    assert records_of(drawn) == records_of(again) != records_of(other)
    assert "谁来抽都是这几条" in words_of(drawn)
    exported = auditor.get("/audit/export.csv", {"sample": "5", "seed": "2026", "until": until})
    assert len(b"".join(exported).decode().strip().splitlines()) == 6


def test_a_sample_without_an_end_is_given_one(auditor: Client) -> None:
    """What may still grow cannot be drawn twice alike."""
    answer = auditor.get("/audit/", {"sample": 20})
    assert answer.status_code == 302
    assert "until=" in answer.headers["Location"]
    assert "seed=" in answer.headers["Location"]
    assert auditor.get(answer.headers["Location"]).status_code == 200


def test_the_list_goes_on_by_key(
    auditor: Client, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huying.cases.pages.audit.PAGE_SIZE", 3)
    make_answered(office)
    first = auditor.get("/audit/")
    onward = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
    assert onward
    second = auditor.get("/audit/" + onward[1].replace("&amp;", "&"))
    assert not set(records_of(first)) & set(records_of(second))
    assert auditor.get("/audit/?after=rubbish").status_code == 400


def test_the_table_file_names_proofs_and_not_what_people_wrote(
    auditor: Client, office: Office
) -> None:
    make_answered(office)
    body = b"".join(auditor.get("/audit/export.csv")).decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(body)))
    assert table[0][-1] == "验真地址"
    assert len(table) == 1 + Act.objects.count()
    assert all("/verify/" in row[-1] for row in table[1:])
    assert "已清运" not in body


def test_a_case_is_recomputed_from_its_acts(auditor: Client, office: Office) -> None:
    report = make_answered(office)
    page = words_of(auditor.get(f"/audit/cases/{report.case_id}/"))
    assert "与现在一致" in page
    assert "李梅" not in page
    assert "说明用途后查看" not in page
    Case.objects.filter(pk=report.case_id).update(state="CLOSED")
    assert "不一致" in words_of(auditor.get(f"/audit/cases/{report.case_id}/"))


def test_who_looked_at_whose_data_is_listed_without_names(auditor: Client, office: Office) -> None:
    assert "没有人看过" in words_of(auditor.get("/audit/access/"))
    report = make_report()
    person = Report.objects.get(pk=report.report_id).reporter_id
    assert person is not None
    directory.reveal_person(
        person_id=person,
        fields=["phone"],
        matter=f"case:{report.case_id}",
        purpose="回访核实处理情况",
        by=office.officer,
    )
    page = words_of(auditor.get("/audit/access/"))
    assert "郑经办" in page
    assert "回访核实处理情况" in page
    assert "电话" in page
    assert "李梅" not in page
    assert "没有人看过" in words_of(auditor.get("/audit/access/", {"person": "冯经办"}))
    assert "没有人看过" in words_of(auditor.get("/audit/access/", {"until": "2020-01-01"}))


def test_the_ledger_page_says_how_to_verify(auditor: Client) -> None:
    assert "huying verify" in words_of(auditor.get("/audit/ledger/"))


ELSEWHERE = "990101002001"


def test_an_auditor_of_one_township_sees_what_the_post_covers(
    client: Client, office: Office
) -> None:
    here = make_answered(office)
    there = make_report(text="另一个镇的事")
    Case.objects.filter(pk=there.case_id).update(division_code=ELSEWHERE)
    local = make_staff(Role.AUDITOR, name="韩审计", division=TOWNSHIP)
    # Dispatching in the whole county is no reason to audit the whole county.
    make_post(account_of(local), Role.DISPATCHER)
    colleague = make_staff(Role.INTAKE_CLERK, name="秦受理", division=TOWNSHIP)
    person = Report.objects.get(pk=here.report_id).reporter_id
    assert person is not None
    for by in (colleague, office.dispatcher):
        directory.reveal_person(
            person_id=person,
            fields=["phone"],
            matter=f"case:{here.case_id}",
            purpose="回访核实",
            by=by,
        )
        client.force_login(account_of(by))
        assert client.get("/desk/export.csv").status_code == 200

    client.force_login(account_of(local))
    page = words_of(client.get("/audit/"))
    assert here.case_number in page
    assert there.case_number not in page
    sampled = words_of(client.get("/audit/", {"sample": "200", "seed": "1", "until": "2099-01-01"}))
    assert there.case_number not in sampled
    exported = b"".join(client.get("/audit/export.csv")).decode()
    assert here.case_number in exported
    assert there.case_number not in exported
    for path in ("/audit/access/", "/audit/exports/"):
        seen = words_of(client.get(path))
        assert "秦受理" in seen, path
        assert "周调度" not in seen, path
    client.force_login(account_of(office.auditor))
    for path in ("/audit/access/", "/audit/exports/"):
        seen = words_of(client.get(path))
        assert "秦受理" in seen, path
        assert "周调度" in seen, path
    assert there.case_number in words_of(client.get("/audit/"))


def test_every_list_taken_away_is_on_record(auditor: Client, office: Office) -> None:
    make_answered(office)
    make_report()
    assert "还没有人导出过" in words_of(auditor.get("/audit/exports/"))
    taken = b"".join(auditor.get("/audit/export.csv", {"action": "take", "person": "郑经办"}))
    browser = Client()
    browser.force_login(account_of(office.dispatcher))
    browser.get("/desk/export.csv", {"q": "李梅 垃圾", "closed": "all"})
    desk, audit = Record.objects.filter(subject="exports").order_by("-id")
    for record, kind, who, rows, filters in (
        (audit, "acts", office.auditor, len(taken.splitlines()) - 1, {"action": "take"}),
        (desk, "cases", office.dispatcher, 0, {"closed": "all"}),
    ):
        body = json.loads(bytes(record.entry))["body"]
        assert record.actor == who.ref
        assert body == {"list": kind, "filters": filters, "rows": rows}
        # What was looked for may name people: a commitment, never words.
        assert "李梅".encode() not in bytes(record.entry)
        assert Salt.objects.filter(record=record).count() == 1
    unit = office.bureau.pk
    browser.get(f"/desk/export.csv?unit={unit}&urgency=URGENT&order=NEWEST")
    b"".join(auditor.get(f"/audit/export.csv?unit={unit}"))
    actions.record_export(
        what="responsibilities", filters={}, words={}, rows=1, by=office.dispatcher
    )
    page = words_of(auditor.get("/audit/exports/"))
    for said in (
        "蒋审计",
        "周调度",
        "办理记录",
        "事项清单",
        "责任清单",
        "办了什么：接单",
        "单位：住建局",
        "住建局，紧急",
        "含已办结",
    ):
        assert said in page
    for raw in ("unit=", "urgency=", "action=", "order="):
        assert raw not in page


@pytest.mark.parametrize(
    ("path", "most"), [("/audit/", 9), ("/audit/access/", 8), ("/audit/exports/", 8)]
)
def test_a_page_asks_the_same_however_much_there_is(
    path: str, most: int, auditor: Client, office: Office
) -> None:
    make_answered(office)
    auditor.get(path)
    with CaptureQueriesContext(connection) as few:
        auditor.get(path)
    for number in range(6):
        make_report(text=f"第{number}处")
    with CaptureQueriesContext(connection) as many:
        auditor.get(path)
    assert len(many) <= max(len(few), most)
    assert len(many) <= most, [one["sql"][:120] for one in many]
