"""Another kind of matter is another file: petitions, under 《信访工作条例》, and no new code."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from huying.cases import actions, queries
from huying.cases.models import Act, Case, Clock, ProcedureVersion
from huying.cases.rules import procedure_files
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.procedure_checks import Problem
from huying.cases.rules.procedure_files import ProcedureInvalid
from tests.factories.cases import IN_FIRST_GRID, Office, do, make_office, make_photo
from tests.factories.directory import GRIDS, account_of

pytestmark = pytest.mark.django_db

PETITION = """
procedure: petition
version: {version}
name: {{zh: 信访事项, en: Petition}}
law: 信访工作条例
in_force: 2022-05-01
states:
  REGISTERED: {{label: 已登记, turn: dispatcher}}
  ACCEPTED: {{label: 已受理, turn: handling_officer}}
  DECLINED: {{label: 不予受理, final: true}}
  CONCLUDED: {{label: 已办结, final: true}}
actions:
  register:
    label: 登记
    from: START
    to: REGISTERED
    by: [intake_clerk, dispatcher]
    needs:
      - name: form
        kind: CHOICE
        label: 信访形式
        choices: {{LETTER: 来信, VISIT: 走访}}
      - {{name: petitioners, kind: NUMBER, label: 信访人数, optional: true}}
      - photo: {{optional: true, why: 来信原件留底}}
  accept:
    label: 受理
    from: REGISTERED
    to: ACCEPTED
    by: dispatcher
    needs: [unit]
    article: "22, 23"
    notices: {{to: lead_officers, title: "受理通知：{{title}}"}}
  decline:
    label: 不予受理
    from: REGISTERED
    to: DECLINED
    by: dispatcher
    needs: [article, reason]
    sets: {{outcome: TRANSFERRED}}
  extend:
    label: 延期
    from: ACCEPTED
    by: handling_officer
    approved_by: unit_head
    needs: [reason]
    article: "34"
  conclude:
    label: 出具处理意见书
    from: ACCEPTED
    to: CONCLUDED
    by: handling_officer
    needs:
      - {{name: request, kind: LONG_TEXT, label: 投诉请求}}
      - name: decision
        kind: CHOICE
        label: 处理意见
        choices: {{SUPPORTED: 支持, EXPLAINED: 解释说明, NOT_SUPPORTED: 不予支持}}
      - outcome
    article: "32"
clocks:
  acceptance:
    label: 受理
    limit: 15 days
    starts: register
    stops: [accept, decline]
    on_overdue: {{to: dispatchers, title: "受理超期：{{title}}"}}
    article: "22"
  handling:
    label: 办理
    limit: 60 days
    starts: accept
    stops: conclude
    extends: {{extend: 30 days}}
    on_overdue: {{to: lead_heads, title: "办理超期：{{title}}"}}
    article: "34"
"""


LETTER = {"form": "LETTER"}


@pytest.fixture
def petitions(folder: Path) -> Office:
    """An office of a county that has put the file in its folder, and nothing else."""
    (folder / "petition.yaml").write_text(PETITION.format(version=1), encoding="utf-8")
    actions.register_procedures()
    return make_office()


@pytest.fixture
def folder(tmp_path: Path, settings: object) -> Path:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined] # pytest-django's wrapper
    (tmp_path / "procedures").mkdir()
    return tmp_path / "procedures"


def test_a_petition_works_as_a_file_only(folder: Path) -> None:
    (folder / "petition.yaml").write_text(PETITION.format(version=1), encoding="utf-8")
    actions.register_procedures()
    office = make_office()
    start = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
    case = actions.open_case(
        by=office.clerk,
        procedure="petition",
        title="要求公开征地补偿标准",
        data={"form": "LETTER"},
        now=start,
    )
    acceptance = Clock.objects.get(case_id=case.case_id, name="acceptance")
    assert acceptance.due_at == datetime(2026, 11, 17, 16, 0, tzinfo=UTC)
    codes = [offer.code for offer in queries.available_actions(case.case_id, office.dispatcher)]
    assert codes == ["accept", "decline"]
    actions.act(
        case_id=case.case_id,
        action="accept",
        by=office.dispatcher,
        data={"unit": office.bureau.pk},
        now=start,
    )
    handling = Clock.objects.get(case_id=case.case_id, name="handling")
    # 60 days from 2026-11-02 end on New Year's Day 2027: the calendar decides where.
    assert handling.due_at > datetime(2027, 1, 1, tzinfo=UTC)
    assert handling.provisional
    do(case.case_id, "extend", office.officer, "需要测绘")
    do(case.case_id, "approve_extend", office.head)
    handling.refresh_from_db()
    assert handling.extensions == ["30 days"]
    with pytest.raises(actions.NeedsField):
        do(case.case_id, "conclude", office.officer, request="公开", decision="MAYBE")
    do(
        case.case_id,
        "conclude",
        office.officer,
        request="公开",
        decision="SUPPORTED",
        outcome="SOLVED",
    )
    view = queries.case_page(case.case_id, office.dispatcher)
    assert view.case.state_label == "已办结"
    assert ("处理意见", "支持") in view.acts[-1].fields
    assert queries.replay_state(case.case_id) == "CONCLUDED"


def test_it_is_opened_over_rest(petitions: Office, client: Client) -> None:
    client.force_login(account_of(petitions.clerk))
    (kind,) = client.get("/api/v1/procedures").json()
    assert (kind["procedure"], kind["name"], kind["law"]) == (
        "petition",
        "信访事项",
        "信访工作条例",
    )
    needs = kind["step"]["needs"]
    assert [(need["name"], need["kind"], need["required"]) for need in needs] == [
        ("form", "CHOICE", True),
        ("petitioners", "NUMBER", False),
        ("photo", "PHOTO", False),
    ]
    assert needs[0]["choices"] == {"LETTER": "来信", "VISIT": "走访"}
    lon, lat = IN_FIRST_GRID
    given = {"procedure": "petition", "title": "要求公开补偿标准", "lon": lon, "lat": lat}
    wrong = client.post("/api/v1/cases", given, content_type="application/json")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "NEEDS_FIELD")
    given |= {
        "data": {"form": "VISIT", "petitioners": 6},
        "people_involved": 6,
        "references": [{"system": "国家信访平台", "number": "X-1"}],
    }
    answer = client.post("/api/v1/cases", given, content_type="application/json")
    assert answer.status_code == 201
    case = Case.objects.get(pk=answer.json()["case_id"])
    assert (case.procedure, case.state, case.grid_code) == ("petition", "REGISTERED", GRIDS[0])
    assert case.references.get().number == "X-1"
    kept = Act.objects.get(case=case).data
    assert (kept["form"], kept["petitioners"]) == ("VISIT", 6)
    assert kept["begins"]["people"] == 6
    client.force_login(account_of(petitions.officer))
    assert client.get("/api/v1/procedures").json() == []
    refused = client.post("/api/v1/cases", given, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "ACTION_NOT_OFFERED")
    reports = given | {"procedure": "residents_report"}
    refused = client.post("/api/v1/cases", reports, content_type="application/json")
    assert refused.status_code == 422
    assert Case.objects.count() == 1


def test_a_request_sent_twice_opens_one_case(petitions: Office, client: Client) -> None:
    def sent(key: str, **more: object) -> Any:
        given = {"procedure": "petition", "title": "要求公开补偿标准", "data": LETTER, **more}
        return client.post(
            "/api/v1/cases",
            given,
            content_type="application/json",
            headers={"Idempotency-Key": key},
        )

    client.force_login(account_of(petitions.clerk))
    first, again = sent("k-1"), sent("k-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = sent("k-1", summary="还有一件")
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    # Keys are each actor's own.
    client.force_login(account_of(petitions.dispatcher))
    assert sent("k-1").status_code == 201
    assert sent("").status_code == sent("").status_code == 201
    assert (Case.objects.count(), Act.objects.filter(seq=1).count()) == (4, 4)


def test_a_second_click_on_the_desk_opens_nothing_more(petitions: Office, client: Client) -> None:
    client.force_login(account_of(petitions.clerk))
    page = client.get("/desk/open/petition/").content.decode()
    (key,) = re.findall(r'name="about_idempotency_key" value="([^"]+)"', page)
    given = {
        "about_title": "要求公开补偿标准",
        "about_urgency": "NORMAL",
        "about_people": "3",
        "about_idempotency_key": key,
        "form": "LETTER",
    }
    first, again = (client.post("/desk/open/petition/", given) for _click in range(2))
    assert first.headers["Location"] == again.headers["Location"]
    assert Case.objects.count() == 1
    other = client.post("/desk/open/petition/", {**given, "about_title": "另一件事"})
    assert other.status_code == 409
    (fresh,) = re.findall(r'name="about_idempotency_key" value="([^"]+)"', other.content.decode())
    assert fresh != key
    retried = {**given, "about_title": "另一件事", "about_idempotency_key": fresh}
    assert client.post("/desk/open/petition/", retried).status_code == 302


def test_it_is_opened_on_the_desk(petitions: Office, client: Client) -> None:
    client.force_login(account_of(petitions.clerk))
    intake = client.get("/desk/intake/").content.decode()
    assert "/desk/open/petition/" in intake
    assert "/desk/open/environmental_alert/" not in intake, "that is the dispatcher's to open"
    page = client.get("/desk/open/petition/").content.decode()
    for words in ("信访形式", "走访", "信访人数", "来信原件留底", "信访工作条例"):
        assert words in page
    given = {
        "about_title": "要求公开补偿标准",
        "about_summary": "三户人家，地已征，款未到",
        "about_urgency": "NORMAL",
        "about_people": "3",
        "about_number": "X-2",
        "petitioners": "3",
    }
    nameless = client.post("/desk/open/petition/", given | {"form": "LETTER"})
    assert nameless.status_code == 422
    assert "请写明是哪个系统" in nameless.content.decode()
    given["about_system"] = "国家信访平台"
    again = client.post("/desk/open/petition/", given)
    assert again.status_code == 422
    assert "三户人家" in again.content.decode(), "what was typed is not lost"
    photo = SimpleUploadedFile("letter.jpg", make_photo().content, "image/jpeg")
    answer = client.post("/desk/open/petition/", given | {"form": "LETTER", "photo": photo})
    case = Case.objects.get(procedure="petition")
    assert answer.headers["Location"] == f"/cases/{case.pk}/"
    assert (case.title, case.people_involved) == ("要求公开补偿标准", 3)
    assert list(case.references.values_list("system", "number")) == [("国家信访平台", "X-2")]
    view = queries.case_page(case.pk, petitions.clerk)
    assert ("信访形式", "来信") in view.acts[0].fields
    assert len(view.acts[0].attachments) == 1
    assert client.get(f"/desk/{case.pk}/").status_code == 200
    client.force_login(account_of(petitions.officer))
    assert client.get("/desk/open/petition/").status_code == 404


def test_an_old_case_goes_on_under_the_version_it_began_with(folder: Path) -> None:
    file = folder / "petition.yaml"
    file.write_text(PETITION.format(version=1), encoding="utf-8")
    actions.register_procedures()
    office = make_office()
    old = actions.open_case(by=office.clerk, procedure="petition", title="旧事", data=LETTER)
    newer = PETITION.format(version=2).replace("ACCEPTED", "TAKEN_ON").replace("15 days", "9 days")
    file.write_text(newer, encoding="utf-8")
    assert actions.register_procedures() == 1
    new = actions.open_case(by=office.clerk, procedure="petition", title="新事", data=LETTER)
    for case, state in ((old, "ACCEPTED"), (new, "TAKEN_ON")):
        assert do(case.case_id, "accept", office.dispatcher, unit=office.bureau.pk).state == state
    assert Case.objects.get(pk=old.case_id).procedure_version == 1
    limits = dict(Clock.objects.filter(name="acceptance").values_list("case_id", "limit"))
    assert limits == {old.case_id: "15 days", new.case_id: "9 days"}
    assert ProcedureVersion.objects.filter(name="petition").count() == 2


def test_stricter_checks_leave_cases_in_hand_alone(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "petition.yaml"
    file.write_text(PETITION.format(version=1), encoding="utf-8")
    actions.register_procedures()
    office = make_office()
    case = actions.open_case(by=office.clerk, procedure="petition", title="旧事", data=LETTER)

    def stricter(procedure: Procedure) -> list[Problem]:
        lax = (procedure.procedure, procedure.version) == ("petition", 1)
        return [Problem("actions.extend", "要写明依据", "name its article")] if lax else []

    monkeypatch.setattr(procedure_files, "problems_of", stricter)
    file.write_text(PETITION.format(version=2), encoding="utf-8")
    actions.register_procedures()
    assert [row.id for row in queries.queue(office.dispatcher).rows] == [case.case_id]
    client.force_login(account_of(office.dispatcher))
    assert client.get(f"/desk/{case.case_id}/").status_code == 200
    assert actions.run_clocks(now=timezone.now() + timedelta(days=20)).overdue == 1
    accepted = do(case.case_id, "accept", office.dispatcher, unit=office.bureau.pk)
    assert accepted.state == "ACCEPTED"
    file.write_text(PETITION.format(version=1), encoding="utf-8")
    with pytest.raises(ProcedureInvalid, match="article"):
        actions.register_procedures()


def test_a_text_changed_without_its_version_is_refused(folder: Path) -> None:
    file = folder / "petition.yaml"
    file.write_text(PETITION.format(version=1), encoding="utf-8")
    actions.register_procedures()
    file.write_text(PETITION.format(version=1).replace("60 days", "90 days"), encoding="utf-8")
    with pytest.raises(actions.ProcedureChanged, match="version"):
        actions.register_procedures()


def test_a_county_s_own_file_replaces_ours(folder: Path) -> None:
    ours = queries.procedure("residents_report")
    newer = ours.version + 1
    text = ours.text.replace(f"version: {ours.version}", f"version: {newer}", 1).replace(
        "limit: 5 working days", "limit: 15 working days"
    )
    (folder / "residents_report.yaml").write_text(text, encoding="utf-8")
    actions.register_procedures()
    assert queries.procedure("residents_report").version == newer
    assert str(queries.procedure("residents_report").clocks["callback"].limit) == "15 working days"
    before = queries.procedure("residents_report", ours.version)
    assert str(before.clocks["callback"].limit) != "15 working days"


def test_an_unknown_procedure_or_version() -> None:
    with pytest.raises(queries.ProcedureUnknown):
        queries.procedure("none_such")
    with pytest.raises(queries.ProcedureUnknown):
        queries.procedure("residents_report", 99)


def test_reading_a_procedure_again_asks_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    queries.procedure("residents_report")
    with django_assert_num_queries(0):
        queries.procedure("residents_report")
