"""Taking down what somebody says on the telephone, at the counter, from a letter."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from huying.cases.models import Attachment, Case, CaseReference, Report
from tests.factories.cases import IN_FIRST_GRID, Office, make_report
from tests.factories.directory import account_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client: Client, office: Office) -> Client:
    client.force_login(account_of(office.clerk))
    return client


def take(clerk: Client, **given: Any) -> Any:
    usual = {
        "channel": "PHONE",
        "text": "楼下垃圾堆了三天",
        "urgency": "NORMAL",
        "people_involved": "1",
        "idempotency_key": "k1",
    }
    return clerk.post("/desk/intake/", usual | given)


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_words_alone_are_enough_and_the_receipt_can_be_read_out(
    clerk: Client, office: Office
) -> None:
    answer = take(clerk)
    report = Report.objects.get()
    assert answer.headers["Location"] == f"/desk/intake/{report.receipt}/"
    assert report.channel == "PHONE"
    assert report.recorded_by_id == office.clerk.account_id
    page = clerk.get(answer.headers["Location"])
    assert re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", words_of(page))
    assert "<svg" in page.content.decode()


def test_everything_that_was_said_is_kept(clerk: Client, office: Office) -> None:
    lon, lat = IN_FIRST_GRID
    take(
        clerk,
        channel="HOTLINE",
        ticket="HL-77",
        category="GARBAGE",
        lon=str(lon),
        lat=str(lat),
        place_text="东门社区南门",
        name="李桂英",
        phone="13900000009",
        on_behalf="on",
        submitter_name="小李",
        submitter_phone="13900000008",
        secret="on",
        urgency="URGENT",
        people_involved="12",
    )
    report = Report.objects.select_related("case").get()
    assert report.on_behalf
    assert report.secret
    assert report.submitter_id
    assert report.submitter_id != report.reporter_id
    assert report.case.urgency == "URGENT"
    assert report.case.people_involved == 12
    assert report.case.lead_organisation_id == office.bureau.pk
    assert _numbers() == [("12345 热线", "HL-77")]


def _numbers() -> list[tuple[str, str]]:
    return list(CaseReference.objects.values_list("system", "number"))


def test_a_number_is_kept_where_the_channel_has_one(clerk: Client) -> None:
    take(clerk, channel="PAPER", letter="2026-31", ticket="QH20261127001", idempotency_key="a")
    assert _numbers() == [("来信登记", "2026-31")]
    # Typed for another channel before this one was chosen: it is seen no more, and not kept.
    take(clerk, channel="PHONE", letter="2026-32", ticket="QH20261127002", idempotency_key="b")
    assert _numbers() == [("来信登记", "2026-31")]


def test_a_hotline_ticket_that_joins_keeps_its_number(clerk: Client, office: Office) -> None:
    first = make_report()
    take(clerk, join=str(first.report_id), channel="HOTLINE", ticket="QH20261127001")
    assert Case.objects.count() == 1
    assert _numbers() == [("12345 热线", "QH20261127001")]


def test_a_letter_comes_as_pdf_without_words(clerk: Client) -> None:
    scan = SimpleUploadedFile("来信.pdf", b"%PDF-1.7 letter", "application/pdf")
    answer = take(clerk, channel="PAPER", text="", papers=scan)
    assert answer.status_code == 302
    assert Attachment.objects.get().kind == "SCAN"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": ""}, "请记下说了什么"),
        ({"phone": "没有"}, "电话号码没有看懂"),
        ({"people_involved": "很多"}, "请填数字"),
        (
            {"papers": SimpleUploadedFile("a.jpg", b"xx", "image/jpeg"), "channel": "PAPER"},
            "不是照片",
        ),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_stays(
    given: dict[str, Any], said: str, clerk: Client
) -> None:
    answer = take(clerk, name="李桂英", **given)
    assert answer.status_code == 422
    assert said in words_of(answer)
    assert "李桂英" in answer.content.decode()
    assert not Report.objects.exists()


def test_sent_twice_is_one_report(clerk: Client) -> None:
    first = take(clerk, idempotency_key="same")
    second = take(clerk, idempotency_key="same")
    assert first.headers["Location"] == second.headers["Location"]
    assert Report.objects.count() == 1
    changed = take(clerk, idempotency_key="same", text="另一件事")
    assert changed.status_code == 409
    found = re.search(r'name="idempotency_key" value="([^"]+)"', changed.content.decode())
    assert found
    assert take(clerk, idempotency_key=found[1], text="另一件事").status_code == 302


def test_a_neighbour_joins_with_a_receipt_of_their_own(clerk: Client, office: Office) -> None:
    first = make_report()
    take(clerk, join=str(first.report_id), name="老周", phone="13900000003")
    assert Case.objects.count() == 1
    assert Report.objects.filter(case_id=first.case_id).count() == 2


def test_help_suggests_a_category_with_its_reason_and_shows_the_same_nearby(
    clerk: Client, office: Office
) -> None:
    first = make_report()
    lon, lat = IN_FIRST_GRID
    said = {"text": "小区垃圾没人清运", "lon": str(lon), "lat": str(lat), "category": ""}
    told = words_of(clerk.post("/desk/intake/help/", said))
    assert "只是建议" in told
    assert "垃圾清运" in told
    assert "是同一件事吗" in told
    assert "东门社区南门" in told
    assert f'value="{first.report_id}"' in clerk.post("/desk/intake/help/", said).content.decode()
    chosen = words_of(clerk.post("/desk/intake/help/", said | {"category": "GARBAGE"}))
    assert "这事由住建局办" in chosen
    quiet = words_of(clerk.post("/desk/intake/help/", {"text": "嗯"}))
    assert "只是建议" not in quiet


def test_help_is_posted_so_that_no_words_end_in_an_address(clerk: Client) -> None:
    assert clerk.get("/desk/intake/help/", {"text": "秘密"}).status_code == 405


def test_places_are_found_by_letters(clerk: Client) -> None:
    found = clerk.get("/desk/places/", {"q": "东门"}).content.decode()
    assert "data-lon=" in found
    assert "东门" in found
    assert "没有这个地名" in words_of(clerk.get("/desk/places/", {"q": "火星"}))
    assert words_of(clerk.get("/desk/places/", {"q": ""})).strip() == ""
