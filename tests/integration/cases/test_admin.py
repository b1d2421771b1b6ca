"""The table of responsibilities among the master data: seen, changed, ended, in and out by file."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from huying.cases import actions, queries
from huying.cases.models import ResponsibilityRule
from huying.directory.permissions import Role
from huying.ledger.models import Record
from tests.factories.cases import Office, make_office, make_report
from tests.factories.directory import PASSWORD, SYSTEM, make_organisation, make_staff

pytestmark = pytest.mark.django_db

LIST = "/admin/cases/responsibilityrule/"
HEAD = "类别,区划,主办单位,协办单位,依据,紧急程度,停用日期\n"


def signed_in(role: Role) -> Client:
    client = Client()
    username = f"{role.lower()}-table"
    make_staff(role, username=username, password=PASSWORD)
    client.post("/sign-in/", {"username": username, "password": PASSWORD})
    return client


def given(office: Office, **changes: Any) -> dict[str, Any]:
    return {
        "category": "STREET_LIGHT",
        "territory": "990101001",
        "organisation": office.bureau.pk,
        "assisting": [office.other_bureau.pk],
        "urgency": "URGENT",
        "source": "权责清单第 12 项",
        "end_date": "",
        **changes,
    }


def rule(category: str) -> ResponsibilityRule:
    return ResponsibilityRule.objects.get(category=category)


def records() -> list[Any]:
    found = Record.objects.filter(kind="responsibility.set").order_by("id")
    return [orjson.loads(bytes(record.entry))["body"]["rules"] for record in found]


@pytest.mark.parametrize("role", list(Role))
def test_it_is_the_system_administrator_s(role: Role) -> None:
    make_office()
    client = signed_in(role)
    one = f"{rule('GARBAGE').pk}/change/"
    for path in ("", "add/", "import/", "export/", one):
        answer = client.get(LIST + path)
        assert (answer.status_code == 200) == (role is Role.SYSTEM_ADMIN), path
    posted = client.post(LIST + "import/", {"text": HEAD})
    assert (posted.status_code == 422) == (role is Role.SYSTEM_ADMIN)


def test_a_line_is_added_and_decides_who_answers() -> None:
    office = make_office()
    client = signed_in(Role.SYSTEM_ADMIN)
    assert client.post(LIST + "add/", given(office)).status_code == 302
    added = rule("STREET_LIGHT")
    assert (added.division_prefix, added.urgency) == ("990101001", "URGENT")
    assert list(added.assisting.all()) == [office.other_bureau]
    assert records() == [
        [
            [
                "STREET_LIGHT",
                "990101001",
                office.bureau.pk,
                [office.other_bureau.pk],
                "URGENT",
                "",
            ]
        ]
    ]
    assert make_report(category="STREET_LIGHT").unit_name == "住建局"
    again = client.post(LIST + "add/", given(office, organisation=office.other_bureau.pk))
    assert "已有一条" in again.content.decode()
    assert rule("STREET_LIGHT").organisation == office.bureau
    assert len(records()) == 1


def test_a_line_is_changed_and_ended() -> None:
    office = make_office()
    client = signed_in(Role.SYSTEM_ADMIN)
    garbage = rule("GARBAGE")
    page = f"{LIST}{garbage.pk}/change/"
    changed = given(office, organisation=office.other_bureau.pk, assisting=[])
    assert client.post(page, changed).status_code == 302
    garbage.refresh_from_db()
    assert (garbage.category_id, garbage.division_prefix) == ("GARBAGE", "")
    assert make_report().unit_name == "生态环境局"
    tomorrow = timezone.localdate() + timedelta(days=1)
    client.post(page, changed | {"end_date": tomorrow.isoformat()})
    assert make_report().unit_name == "生态环境局"
    client.post(page, changed | {"end_date": timezone.localdate().isoformat()})
    assert make_report().unit_name == ""
    assert [one[0][5] for one in records()][-1] == timezone.localdate().isoformat()
    ended = client.get(LIST, {"force": "ended"}).content.decode()
    assert "垃圾清运" in ended
    assert client.get(f"{LIST}{garbage.pk}/delete/").status_code == 403


def test_what_the_ledger_refuses_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    office = make_office()

    def broken(**_kwargs: Any) -> None:
        raise RuntimeError("no ledger")

    monkeypatch.setattr("huying.ledger.actions.record", broken)
    client = signed_in(Role.SYSTEM_ADMIN)
    with pytest.raises(RuntimeError):
        client.post(LIST + "add/", given(office))
    assert not ResponsibilityRule.objects.filter(category="STREET_LIGHT").exists()


def test_the_list_is_searched_and_narrowed() -> None:
    office = make_office()
    client = signed_in(Role.SYSTEM_ADMIN)
    client.post(LIST + "add/", given(office))
    shown = client.get(LIST).content.decode()
    assert "郑经办" in shown, "who takes it now"
    for asked, there, gone in (
        ({"q": "路灯"}, "STREET_LIGHT", "GARBAGE"),
        ({"q": "城关镇"}, "STREET_LIGHT", "GARBAGE"),
        ({"q": "生态环境局"}, "ALERT", "GARBAGE"),
        ({"category__code__exact": "GARBAGE"}, "GARBAGE", "STREET_LIGHT"),
        ({"territory": "990101001"}, "STREET_LIGHT", "GARBAGE"),
        ({"territory": "county"}, "GARBAGE", "STREET_LIGHT"),
        ({"force": "now"}, "GARBAGE", None),
    ):
        found = client.get(LIST, asked).context["cl"].result_list
        codes = {row.category_id for row in found}
        assert there in codes, asked
        assert gone not in codes, asked


def test_a_file_goes_out_and_comes_in_again() -> None:
    office = make_office()
    client = signed_in(Role.SYSTEM_ADMIN)
    client.post(LIST + "add/", given(office, source="=1+1", end_date="2099-01-01"))
    answer: Any = client.get(LIST + "export/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert text.startswith(HEAD.strip())
    assert Record.objects.filter(kind="list.exported").count() == 1
    lead, helper = f"{office.bureau.code} 住建局", f"{office.other_bureau.code} 生态环境局"
    assert f"路灯,990101001,{lead},{helper},'=1+1,紧急,2099-01-01" in text
    before = list(ResponsibilityRule.objects.order_by("id").values_list("category", "end_date"))
    answer = client.post(LIST + "import/", {"text": text})
    assert answer.status_code == 302
    after = list(ResponsibilityRule.objects.order_by("id").values_list("category", "end_date"))
    assert after == before
    assert list(rule("STREET_LIGHT").assisting.all()) == [office.other_bureau]


def test_units_of_one_name_are_told_apart_by_their_codes() -> None:
    make_office()
    here, there = (make_organisation(code, name="综治办") for code in ("T1-ZZB", "T2-ZZB"))
    with pytest.raises(actions.TableRefused) as refused:
        actions.read_responsibilities(f"{HEAD}NOISE,,综治办,,,,\n")
    assert "“综治办”不止一个单位，请写明代码：T1-ZZB 综治办、T2-ZZB 综治办" in refused.value.zh
    actions.set_responsibilities(
        rules=[actions.NewResponsibility(category="NOISE", organisation_id=here.pk)], by=SYSTEM
    )
    lines = [",".join(line) for line in queries.responsibility_table()]
    rules = actions.read_responsibilities(HEAD + "\n".join(lines))
    units = {one.category: one.organisation_id for one in rules}
    assert units["NOISE"] == here.pk
    (other,) = actions.read_responsibilities(f"{HEAD}NOISE,,T2-ZZB,,,,\n")
    assert other.organisation_id == there.pk


def test_the_list_asks_the_roster_once() -> None:
    make_office()
    client = signed_in(Role.SYSTEM_ADMIN)
    rules = []
    for number, category in enumerate(("NOISE", "STREET_LIGHT", "ROAD_DAMAGE")):
        unit = make_organisation(f"Q{number}")
        make_staff(Role.OFFICER, name="甲乙", organisation=unit)
        rules.append(actions.NewResponsibility(category=category, organisation_id=unit.pk))
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    actions.set_responsibilities(rules=rules, by=SYSTEM)
    with CaptureQueriesContext(connection) as many:
        client.get(LIST)
    assert len(many) <= len(few)


def test_every_wrong_line_is_listed_and_none_taken() -> None:
    make_office()
    client = signed_in(Role.SYSTEM_ADMIN)
    before = list(ResponsibilityRule.objects.values_list("id", flat=True))
    text = (
        f"{HEAD}STREET_LIGHT,,住建局,,,,\n没有这类,,住建局,,,,\nNOISE,,住建局,,,,明年\n"
        f"路灯,,生态环境局,,,,\nNOISE,,住建局,,,火急,\nNOISE,,住建局,,{'长' * 201},,\n"
    )
    page = client.post(LIST + "import/", {"text": text})
    shown = page.content.decode()
    assert page.status_code == 422
    for told in (
        "第 3 行找不到 没有这类",
        "第 4 行的停用日期“明年”应写成 2027-01-01",
        "第 5 行与第 2 行的类别和区划相同",
        "第 6 行找不到 火急",
        "第 7 行的依据超过 200 字",
    ):
        assert told in shown, told
    for bad in ("", "类别\nNOISE\n", HEAD):
        assert client.post(LIST + "import/", {"text": bad}).status_code == 422
    assert list(ResponsibilityRule.objects.values_list("id", flat=True)) == before
    with pytest.raises(actions.TableRefused) as refused:
        actions.read_responsibilities(text)
    assert "line 3: unknown 没有这类" in refused.value.en


def test_an_ended_line_leaves_the_wider_one_in_force() -> None:
    office = make_office()
    actions.set_responsibilities(
        rules=[
            actions.NewResponsibility(
                category="GARBAGE",
                division_prefix="990101001",
                organisation_id=office.other_bureau.pk,
                end_date=timezone.localdate(),
            )
        ],
        by=make_staff(Role.SYSTEM_ADMIN),
    )
    found = queries.responsible("GARBAGE", "990101001001")
    assert found is not None
    assert found.organisation_id == office.bureau.pk
