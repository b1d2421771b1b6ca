"""Taking in what people say: whatever they leave out or get wrong."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from PIL import Image
from pytest_django.plugin import DjangoDbBlocker

from huying.cases import actions, queries
from huying.cases.actions import Contact, GivenFile, Received
from huying.cases.models import Act, Attachment, Case, CaseReference, Report
from huying.ledger.models import Record
from tests.factories.cases import (
    BETWEEN_GRIDS,
    OUTSIDE,
    RESIDENT,
    do,
    make_alert_case,
    make_office,
    make_photo,
    make_report,
)
from tests.factories.directory import COUNTY, GRIDS

pytestmark = pytest.mark.django_db

KEY = "0b6f7d52-8a34-4c1e-9d70-5e2f1a3c4b6d"


def test_the_same_request_twice_gives_the_same_receipt() -> None:
    make_office()
    first = make_report(idempotency_key=KEY)
    again = make_report(idempotency_key=KEY)
    assert (again.receipt, again.created) == (first.receipt, False)
    assert Report.objects.count() == Case.objects.count() == 1


def test_the_same_key_with_another_text_is_refused() -> None:
    make_office()
    make_report(idempotency_key=KEY)
    with pytest.raises(actions.IdempotencyConflict) as refused:
        make_report(idempotency_key=KEY, text="另一件事")
    assert refused.value.status == 409
    assert Report.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"people_involved": 40},
        {"title": "另起的标题"},
        {"urgency": "EMERGENCY"},
        {"references": [("12345", "A-1")]},
        {"discovered_at": datetime(2026, 11, 1, tzinfo=UTC)},
        {"contact": Contact(name="李梅", phone="13900000009")},
        {"contact": Contact(name="李梅", phone="13900000001", address="东门 3 号")},
        {"submitter": Contact(name="钱邻居", address="东门 4 号")},
        {"phone_lon": 117.0051, "phone_lat": 39.0051},
        {"place_text": "东门社区北门"},
        {"secret": True},
        {"category": ""},
        {"kind": "TIP_OFF"},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_the_same_key_with_anything_else_in_it_is_refused(changes: dict[str, Any]) -> None:
    """Nothing said is dropped behind an old receipt, and no stranger is given one."""
    make_office()
    make_report(idempotency_key=KEY)
    with pytest.raises(actions.IdempotencyConflict):
        make_report(idempotency_key=KEY, **changes)
    assert Report.objects.count() == 1


@pytest.mark.parametrize("key", ["abc", "1" * 40, "123456789012345"])
def test_a_key_anybody_could_hit_on_is_refused_to_who_is_not_signed_in(key: str) -> None:
    """A receipt opens the report; without a name to keep keys apart, only chance does."""
    office = make_office()
    with pytest.raises(actions.NeedsField) as refused:
        make_report(idempotency_key=key)
    assert refused.value.field == "idempotency_key"
    assert make_report(idempotency_key=key, by=office.clerk).created


def test_a_neighbour_s_second_try_finds_the_first_after_the_case_moved_on() -> None:
    office = make_office()
    first = make_report()
    joined = actions.join_report(by=RESIDENT, receipt=first.receipt, idempotency_key=KEY)
    do(first.case_id, "classify", office.dispatcher, category="NOISE")
    again = actions.join_report(by=RESIDENT, receipt=first.receipt, idempotency_key=KEY)
    assert (again.receipt, again.created) == (joined.receipt, False)


def test_a_key_is_each_client_s_own() -> None:
    office = make_office()
    first = make_report(idempotency_key=KEY)
    other = make_report(idempotency_key=KEY, by=office.clerk)
    assert other.created
    assert other.receipt != first.receipt


@pytest.mark.django_db(transaction=True)
def test_two_of_one_request_at_the_same_moment_make_one_report(
    django_db_blocker: DjangoDbBlocker,
) -> None:
    make_office()

    def submit(_number: int) -> Received:
        with django_db_blocker.unblock():
            try:
                return make_report(idempotency_key=KEY)
            finally:
                connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(submit, range(4)))
    assert len({one.receipt for one in found}) == 1
    assert sum(one.created for one in found) == 1
    assert Report.objects.count() == 1


def test_somebody_not_sure_of_the_category_waits_for_the_dispatcher() -> None:
    office = make_office()
    report = make_report(category="")
    assert (report.state, report.unit_id) == ("REGISTERED", None)
    dispatched = do(report.case_id, "dispatch", office.dispatcher, unit=office.bureau.pk)
    assert dispatched.state == "DISPATCHED"


@pytest.mark.parametrize("place", [OUTSIDE, BETWEEN_GRIDS])
def test_a_place_in_no_grid_is_kept_and_goes_to_the_centre(place: tuple[float, float]) -> None:
    """Outside the county or in a gap between grids: a rule for the whole county does not fit."""
    office = make_office()
    lon, lat = place
    report = make_report(lon=lon, lat=lat, phone_lon=117.005, phone_lat=39.005)
    case = Case.objects.get(pk=report.case_id)
    assert (case.lon, case.lat, case.grid_code, case.division_code) == (lon, lat, None, COUNTY)
    assert (case.state, case.category, case.lead_organisation_id) == ("REGISTERED", "GARBAGE", None)
    assert [row.id for row in queries.queue(office.dispatcher).rows] == [case.pk]
    row = Report.objects.get(pk=report.report_id)
    assert (row.phone_lon, row.phone_lat) == (117.005, 39.005)
    assert do(case.pk, "dispatch", office.dispatcher, unit=office.bureau.pk).state == "DISPATCHED"


def test_a_place_in_words_alone_is_dispatched_by_the_county_s_rule() -> None:
    office = make_office()
    assert make_report(lon=None, lat=None).unit_id == office.bureau.pk


def test_a_device_outside_every_grid_is_the_county_s_all_the_same() -> None:
    office = make_office()
    lon, lat = BETWEEN_GRIDS
    case = make_alert_case(lon=lon, lat=lat, alert_id=1)
    assert Case.objects.get(pk=case.case_id).lead_organisation_id == office.other_bureau.pk


def test_a_place_in_the_county_finds_its_grid() -> None:
    make_office()
    case = Case.objects.get(pk=make_report().case_id)
    assert case.grid_code == GRIDS[0]
    assert case.division_code == GRIDS[0][:12]


@pytest.mark.parametrize(
    ("lon", "lat"), [(39.0, 117.0), (float("nan"), 39.0), (float("inf"), 0.0), (117.0, None)]
)
def test_a_place_that_is_none_is_refused_gently(lon: float, lat: float | None) -> None:
    make_office()
    with pytest.raises(actions.NeedsField) as refused:
        make_report(lon=lon, lat=lat)
    assert refused.value.field == "lon"
    assert refused.value.zh
    assert refused.value.en


def test_nobody_need_say_who_they_are() -> None:
    make_office()
    report = make_report(contact=None, lon=None, lat=None, place_text="")
    row = Report.objects.get(pk=report.report_id)
    assert row.reporter_id is None
    assert Case.objects.get(pk=report.case_id).division_code == COUNTY


def test_a_neighbour_reports_for_an_old_lady_by_telephone() -> None:
    office = make_office()
    report = make_report(
        by=office.clerk,
        channel="PHONE",
        on_behalf=True,
        contact=Contact(name="赵奶奶", phone="13900000002"),
        submitter=Contact(name="钱邻居", phone="13900000003"),
    )
    row = Report.objects.get(pk=report.report_id)
    assert row.on_behalf
    assert row.recorded_by_id == office.clerk.account_id
    assert row.reporter_id != row.submitter_id
    view = queries.case_page(report.case_id, office.dispatcher)
    assert view.reports[0].recorded_by_name == "吴受理"
    assert "赵奶奶" not in view.reports[0].reporter_name
    assert "13900000002" not in view.reports[0].reporter_phone


def test_staff_without_the_right_do_not_record() -> None:
    office = make_office()
    with pytest.raises(Exception, match="登记诉求"):
        make_report(by=office.auditor)


def test_words_and_names_are_never_in_the_ledger() -> None:
    make_office()
    report = make_report(text="我叫李梅，住在三单元", place_text="三单元")
    for record in Record.objects.all():
        data = bytes(record.entry).decode()
        for secret in ("李梅", "三单元", "13900000001", report.receipt):
            assert secret not in data


def test_a_script_in_the_text_stays_text() -> None:
    make_office()
    report = make_report(text="<script>alert(1)</script> 路灯不亮\x00")
    row = Report.objects.get(pk=report.report_id)
    assert row.text == "<script>alert(1)</script> 路灯不亮"


def test_nothing_said_at_all_is_asked_for() -> None:
    make_office()
    with pytest.raises(actions.NeedsField):
        make_report(text="  ")
    assert make_report(text="", photos=[make_photo()]).created


def test_too_much_said_is_told_how_much_fits() -> None:
    make_office()
    with pytest.raises(actions.NeedsField, match="5000"):
        make_report(text="很" * 5001)


def test_an_unknown_category_is_refused() -> None:
    make_office()
    with pytest.raises(actions.NeedsField) as refused:
        make_report(category="NO_SUCH")
    assert refused.value.field == "category"


def test_the_number_of_another_system_comes_along() -> None:
    office = make_office()
    report = make_report(
        by=office.clerk, channel="HOTLINE", references=[("12345", "QH2026112200017")]
    )
    assert CaseReference.objects.get(case_id=report.case_id).number == "QH2026112200017"


def test_a_photograph_loses_its_place_and_keeps_its_picture(settings: object) -> None:
    make_office()
    photo = make_photo(exif=True)
    assert b"SecretCamera" in photo.content
    report = make_report(photos=[photo])
    row = Attachment.objects.get(report_id=report.report_id)
    path, mime = queries.attachment_file(row.pk, receipt=report.receipt)
    stored = path.read_bytes()
    assert b"SecretCamera" not in stored
    with Image.open(BytesIO(stored)) as image:
        assert not image.getexif()
        assert image.size == (640, 480)
    assert mime == "image/jpeg"
    small, _mime = queries.attachment_file(row.pk, receipt=report.receipt, thumbnail=True)
    with Image.open(small) as image:
        assert max(image.size) == 320


def test_a_photograph_is_opened_only_by_those_it_concerns() -> None:
    office = make_office()
    report = make_report(photos=[make_photo()])
    other = make_report(text="别的事")
    row = Attachment.objects.get(report_id=report.report_id)
    assert queries.attachment_file(row.pk, office.officer)
    for actor, receipt in ((office.other_officer, ""), (None, other.receipt), (None, "")):
        with pytest.raises(queries.AttachmentNotFound):
            queries.attachment_file(row.pk, actor, receipt)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (GivenFile("a.jpg", b"<?php system($_GET['c']); ?>"), "NOT_A_PICTURE"),
        (GivenFile("b.jpg", b""), "FILE_EMPTY"),
        (GivenFile("c.jpg", b"\xff\xd8\xff\xe0" + b"0" * 100), "NOT_A_PICTURE"),
        (GivenFile("d.jpg", b"0" * (12 * 2**20 + 1)), "FILE_TOO_LARGE"),
        (GivenFile("e.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "NOT_A_PICTURE"),
    ],
)
def test_what_is_no_photograph_is_refused_and_nothing_kept(
    file: GivenFile, code: str, tmp_path: Path
) -> None:
    make_office()
    with pytest.raises(actions.BadUpload) as refused:
        make_report(photos=[file])
    assert refused.value.code == code
    assert Report.objects.count() == 0
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_picture_of_too_many_pixels_is_not_even_decoded() -> None:
    make_office()
    out = BytesIO()
    Image.new("1", (10_000, 5_000)).save(out, "PNG")
    with pytest.raises(actions.BadUpload) as refused:
        make_report(photos=[GivenFile("big.png", out.getvalue())])
    assert refused.value.code == "TOO_MANY_PIXELS"


def test_a_letter_comes_as_a_scan() -> None:
    office = make_office()
    pdf = GivenFile("来信.pdf", b"%PDF-1.4\n%%EOF")
    report = make_report(by=office.clerk, channel="PAPER", photos=[pdf, make_photo()])
    kinds = Attachment.objects.filter(report_id=report.report_id).order_by("id")
    assert [(row.kind, row.mime) for row in kinds] == [
        ("SCAN", "application/pdf"),
        ("SCAN", "image/jpeg"),
    ]
    with pytest.raises(actions.BadUpload):
        make_report(photos=[pdf])


def test_a_neighbour_joins_with_a_receipt_of_their_own() -> None:
    office = make_office()
    first = make_report()
    joined = actions.join_report(
        by=RESIDENT, receipt=first.receipt, contact=Contact(phone="13900000009", name="周邻")
    )
    assert joined.case_id == first.case_id
    assert joined.receipt != first.receipt
    case = Case.objects.get(pk=first.case_id)
    assert (case.report_count, case.people_involved) == (2, 2)
    do(first.case_id, "take", office.officer)
    do(first.case_id, "answer", office.officer, reply="已清运。", outcome="SOLVED")
    for receipt in (first.receipt, joined.receipt):
        assert queries.progress(receipt).reply == "已清运。"
    actions.rate(receipt=first.receipt, rating=5, by=RESIDENT)
    actions.rate(receipt=joined.receipt, rating=1, by=RESIDENT)
    ratings = Report.objects.filter(case_id=first.case_id).order_by("id")
    assert [row.rating for row in ratings] == ["VERY_SATISFIED", "VERY_DISSATISFIED"]


def test_a_join_sent_again_is_the_same_after_a_reclassification() -> None:
    office = make_office()
    first = make_report(category="STREET_LIGHT")
    key = secrets.token_urlsafe(18)

    def joined() -> actions.Received:
        return actions.join_report(by=RESIDENT, report_id=first.report_id, idempotency_key=key)

    once = joined()
    do(first.case_id, "classify", office.dispatcher, category="GARBAGE")
    Report.objects.filter(pk=first.report_id).update(place_text="", lon=None, lat=None)
    again = joined()
    assert (again.receipt, again.created) == (once.receipt, False)
    with pytest.raises(actions.IdempotencyConflict):
        actions.join_report(
            by=RESIDENT, report_id=first.report_id, place_text="三号楼", idempotency_key=key
        )


def test_who_joins_too_late_gets_a_case_of_their_own() -> None:
    office = make_office()
    first = make_report()
    do(first.case_id, "take", office.officer)
    do(first.case_id, "answer", office.officer, reply="好了。", outcome="SOLVED")
    late = actions.join_report(by=RESIDENT, receipt=first.receipt)
    assert late.case_id != first.case_id
    assert Report.objects.get(pk=late.report_id).joined_report_id == first.report_id


def test_joining_what_is_not_there() -> None:
    make_office()
    with pytest.raises(queries.ReportNotFound):
        actions.join_report(by=RESIDENT, receipt="ZZZZ-ZZZZ-ZZZZ")


def test_every_act_of_intake_is_sealed() -> None:
    make_office()
    report = make_report()
    acts = Act.objects.filter(case_id=report.case_id)
    assert set(acts.values_list("record_id", flat=True)) == set(
        Record.objects.filter(subject=f"case:{report.case_id}").values_list("pk", flat=True)
    )
