"""What a resident sees and sends: without an account, without script, with whatever input."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from huying.cases import actions, queries
from huying.cases.actions import Received
from huying.cases.models import Attachment, Case, Clock, Report
from huying.directory import actions as directory
from huying.directory.models import AccessRecord, Account, Person, Post
from huying.directory.permissions import Actor
from huying.directory.queries import forget_caches
from huying.standards.wording import mask_name
from tests.factories.cases import (
    IN_FIRST_GRID,
    OUTSIDE,
    RESIDENT,
    do,
    make_answered,
    make_office,
    make_photo,
    make_report,
)
from tests.factories.directory import make_organisation

pytestmark = pytest.mark.django_db

WORDS = "小区门口垃圾堆了三天没人清运。"


def photo(content: bytes = b"", name: str = "现场.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content or make_photo().content, "image/jpeg")


def hand_in(client: Client, **changes: Any) -> Any:
    lon, lat = IN_FIRST_GRID
    given: dict[str, Any] = {
        "text": WORDS,
        "category": "GARBAGE",
        "place_text": "东门社区南门",
        "lon": str(lon),
        "lat": str(lat),
        "who": "SELF",
        "idempotency_key": "0b6f7d52-8a34-4c1e-9d70-k1",
    }
    return client.post("/report/", given | changes)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def words_of(answer: Any) -> str:
    """The page as read: without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))


def receipt_of(answer: Any) -> str:
    found = re.match(r"^/r/([0-9A-Z]{12})/", answer.headers.get("Location", ""))
    assert found, (answer.status_code, words_of(answer))
    return found[1]


# The first screen and the counters


def test_the_first_screen_has_three_doors(client: Client) -> None:
    make_office()
    page = text_of(client.get("/"))
    doors = re.findall(r'class="hy-door[^"]*" href="([^"]+)"', page)
    assert doors == ["/report/", "/services/", "/progress/"]


def test_the_counters_are_the_directory_s_and_promise_nothing_online(client: Client) -> None:
    centre = make_organisation(name="综治中心", kind="CENTRE")
    centre.phone, centre.address = "0310-5550100", "府前街 8 号"
    centre.opening_hours = "周一至周六 8:30—17:30"
    centre.save()
    forget_caches()
    received = make_report()
    # A telephone number, the counter and its hours stand beside every form.
    for path in (
        "/",
        "/report/",
        "/progress/",
        *(f"/r/{received.receipt}/{p}" for p in ("", "withdraw/")),
    ):
        beside = words_of(client.get(path))
        assert "0310-5550100" in beside, path
        assert "府前街 8 号（周一至周六 8:30—17:30）" in beside, path
    assert "周一至周六 8:30—17:30" in words_of(client.get("/services/"))
    page = words_of(client.get("/services/"))
    assert "府前街 8 号" in page
    assert "网上办事还没有开通" in page
    assert 'href="tel:0310-5550100"' in text_of(client.get("/services/"))


def test_an_empty_directory_has_an_empty_state(client: Client) -> None:
    assert "还没有登记办事地点" in words_of(client.get("/services/"))


# Reporting


def test_a_report_gives_a_receipt_and_its_page(client: Client) -> None:
    make_office()
    answer = hand_in(client, name="李梅", phone="139 0000 0001", photos=photo())
    assert answer.status_code == 302
    page = client.get(answer.headers["Location"])
    receipt = receipt_of(answer)
    assert f"{receipt[:4]}-{receipt[4:8]}-{receipt[8:]}" in text_of(page)
    assert "住建局" in words_of(page)
    assert Attachment.objects.count() == 1
    report = Report.objects.get()
    assert report.channel == "WEB"
    assert report.reporter_id is not None


def test_nothing_but_words_is_enough(client: Client) -> None:
    answer = client.post("/report/", {"text": "路灯不亮"})
    receipt_of(answer)
    report = Report.objects.get()
    assert (report.reporter_id, report.lon, report.phone_lon) == (None, None, None)


def test_a_photograph_alone_is_enough(client: Client) -> None:
    receipt_of(client.post("/report/", {"photos": photo()}))


def test_nothing_at_all_is_asked_for_gently(client: Client) -> None:
    answer = client.post("/report/", {"place_text": "东门"})
    assert answer.status_code == 422
    assert "写几句话，或者拍一张照片" in words_of(answer)
    assert 'value="东门"' in answer.content.decode()


def test_the_place_of_the_matter_is_not_the_place_of_the_phone(client: Client) -> None:
    make_office()
    hand_in(client, phone_lon="117.5", phone_lat="39.5")
    report = Report.objects.get()
    assert (report.lon, report.lat) == IN_FIRST_GRID
    assert (report.phone_lon, report.phone_lat) == (117.5, 39.5)


def test_a_place_outside_the_county_is_kept(client: Client) -> None:
    make_office()
    lon, lat = OUTSIDE
    receipt_of(hand_in(client, lon=str(lon), lat=str(lat)))
    report = Report.objects.get()
    assert (report.lon, report.lat) == OUTSIDE
    assert report.case.grid_code is None


@pytest.mark.parametrize(
    "bad",
    [("nan", "39"), ("inf", "39"), ("", "39"), ("999", "39"), ("abc", "x"), ("117", "")],
)
def test_a_coordinate_that_is_none_never_stops_a_report(
    client: Client, bad: tuple[str, str]
) -> None:
    make_office()
    receipt_of(hand_in(client, lon=bad[0], lat=bad[1]))
    assert Report.objects.get().lon is None


def test_two_taps_give_one_receipt(client: Client) -> None:
    make_office()
    assert receipt_of(hand_in(client)) == receipt_of(hand_in(client))
    assert Report.objects.count() == 1


def test_the_same_key_with_other_words_is_told_and_can_be_sent_again(client: Client) -> None:
    make_office()
    hand_in(client)
    answer = hand_in(client, text="另一件事：路灯坏了。")
    assert answer.status_code == 409
    assert "上一份已经收到了" in words_of(answer)
    assert "另一件事：路灯坏了。" in text_of(answer)
    (fresh,) = re.findall(r'name="idempotency_key" value="([^"]+)"', text_of(answer))
    assert fresh != "k1"
    receipt_of(hand_in(client, text="另一件事：路灯坏了。", idempotency_key=fresh))
    assert Report.objects.count() == 2


def test_the_form_has_a_fresh_key_each_time(client: Client) -> None:
    pages = [text_of(client.get("/report/")) for _ in range(3)]
    keys = [re.findall(r'name="idempotency_key" value="([^"]+)"', page) for page in pages]
    assert len({key for (key,) in keys}) == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"MZ this is a program, not a picture", "不是照片，或文件已损坏"),
        (b"\xff\xd8\xff\xe0 half a picture", "不是照片，或文件已损坏"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "不是照片"),
        (b"\x00" * (12 * 2**20 + 1), "超过 12 MB"),
    ],
)
def test_what_is_no_photograph_is_refused_and_the_words_stay(
    client: Client, content: bytes, says: str
) -> None:
    make_office()
    answer = hand_in(client, photos=photo(content, "a.jpg"))
    assert answer.status_code == 422
    assert says in words_of(answer)
    assert WORDS in text_of(answer)
    assert "照片要再选一次" in words_of(answer)
    assert Report.objects.count() == 0


def test_with_script_the_photographs_are_not_said_to_be_lost(client: Client) -> None:
    answer = client.post(
        "/report/",
        {"text": WORDS, "photos": photo(b"no"), "idempotency_key": "0b6f7d52-8a34-4c1e-9d70-k"},
        headers={"X-Huying-Outbox": "1"},
    )
    assert answer.status_code == 422
    assert "照片要再选一次" not in answer.content.decode()


def test_ten_photographs_are_one_too_many(client: Client) -> None:
    answer = hand_in(client, photos=[photo(name=f"{n}.jpg") for n in range(10)])
    assert answer.status_code == 422
    assert "照片最多 9 张" in words_of(answer)


def test_script_in_the_words_is_shown_as_words(client: Client) -> None:
    make_office()
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)> 路灯坏了"
    answer = hand_in(client, text=evil, place_text='"><b>东门</b>')
    page = text_of(client.get(answer.headers["Location"]))
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
    assert "<b>东门</b>" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("number", ["打我手机", "<script>", "1", "9" * 40])
def test_a_telephone_that_is_none_is_asked_again(client: Client, number: str) -> None:
    answer = hand_in(client, phone=number)
    assert answer.status_code == 422
    assert WORDS in text_of(answer)


def test_too_many_words_are_counted_for_the_person(client: Client) -> None:
    answer = hand_in(client, text="长" * 5001)
    assert answer.status_code == 422
    assert "写了 5001 字，请控制在 5000 字以内" in words_of(answer)


def test_an_unknown_category_is_asked_again(client: Client) -> None:
    answer = hand_in(client, category="NO_SUCH")
    assert answer.status_code == 422
    assert "没有这个类别" in words_of(answer)


def test_a_daughter_speaks_for_her_mother(client: Client) -> None:
    make_office()
    hand_in(client, who="OTHER", other_name="王桂兰", name="李梅", phone="13900000001")
    report = Report.objects.get()
    assert report.on_behalf
    assert report.reporter_id != report.submitter_id
    assert Person.objects.count() == 2


def test_a_flood_is_told_to_wait_and_keeps_its_words(client: Client) -> None:
    for number in range(30):
        hand_in(client, idempotency_key=f"0b6f7d52-8a34-4c1e-9d70-k{number}")
    answer = hand_in(client, idempotency_key="0b6f7d52-8a34-4c1e-9d70-more")
    assert answer.status_code == 429
    assert "操作太频繁了" in words_of(answer)
    assert WORDS in text_of(answer)


def test_the_outbox_is_told_where_to_go_instead_of_being_sent_there(client: Client) -> None:
    make_office()
    answer = client.post("/report/", {"text": WORDS}, headers={"X-Huying-Outbox": "1"})
    assert answer.status_code == 204
    assert re.match(r"^/r/[0-9A-Z]{12}/\?new=1$", answer.headers["X-Huying-Next"])


def test_a_secret_report_is_not_remembered_by_the_telephone(client: Client) -> None:
    make_office()
    answer = hand_in(client, secret="on")
    assert answer.headers["Location"].endswith("?new=secret")
    page = text_of(client.get(answer.headers["Location"]))
    assert "data-now" not in page
    assert "这台手机没有记下它" in page


# Before sending: who will answer, and neighbours


def nearby(client: Client, **changes: Any) -> str:
    lon, lat = IN_FIRST_GRID
    asked: dict[str, Any] = {"lon": lon, "lat": lat, "category": "GARBAGE"}
    return text_of(client.get("/report/before/", asked | changes))


def test_before_sending_it_says_who_answers(client: Client) -> None:
    make_office()
    assert "这事由住建局办" in nearby(client)


def test_neighbours_are_shown_without_their_words_and_can_be_joined(client: Client) -> None:
    make_office()
    first = make_report()
    page = nearby(client)
    assert "我也遇到了" in page
    assert "小区门口垃圾堆了三天" not in page
    answer = hand_in(client, text="", photos=photo(), join=str(first.report_id))
    receipt = receipt_of(answer)
    assert receipt != first.receipt
    assert Case.objects.count() == 1
    shown = words_of(client.get(f"/r/{receipt}/"))
    assert "另有 1 位邻居" in shown


def test_a_secret_report_is_no_neighbour(client: Client) -> None:
    make_office()
    make_report(secret=True)
    assert "我也遇到了" not in nearby(client)


@pytest.mark.parametrize("join", ["0", "999999", "-1", "x", "9" * 30, "１２"])
def test_joining_what_is_not_there_loses_nothing(client: Client, join: str) -> None:
    make_office()
    answer = hand_in(client, join=join)
    assert answer.status_code in {302, 404}
    if answer.status_code == 404:
        assert WORDS in text_of(answer)


def test_before_sending_survives_nonsense(client: Client) -> None:
    make_office()
    asked = {"lon": "nan", "lat": "x", "category": "<b>"}
    assert client.get("/report/before/", asked).status_code == 200


# Following


def test_the_receipt_is_found_however_it_is_typed(client: Client) -> None:
    make_office()
    receipt = make_report().receipt
    typed = f" {receipt[:4].lower()}-{receipt[4:8]} {receipt[8:]} "
    answer = client.get("/progress/", {"receipt": typed})
    assert answer.headers["Location"] == f"/r/{receipt}/"


@pytest.mark.parametrize(
    ("typed", "status", "says"),
    [
        ("ABC", 422, "您填了 3 位"),
        ("<script>alert(1)</script>", 422, "12 位字母和数字"),
    ],
)
def test_a_wrong_receipt_is_explained(client: Client, typed: str, status: int, says: str) -> None:
    answer = client.get("/progress/", {"receipt": typed})
    assert answer.status_code == status
    assert says in words_of(answer)
    assert "<script>alert" not in answer.content.decode()


def test_an_unknown_receipt_is_told_kindly(client: Client) -> None:
    answer = client.get("/r/AAAAAAAAAAAA/")
    assert answer.status_code == 404
    assert "没有找到这个回执号" in words_of(answer)


def page_of(client: Client, receipt: str) -> str:
    return words_of(client.get(f"/r/{receipt}/"))


def test_the_page_says_who_has_it_until_when_and_how_that_was_counted(client: Client) -> None:
    make_office()
    received = make_report()
    page = page_of(client, received.receipt)
    view = queries.progress(received.receipt)
    assert view.headline in page
    assert view.counted in page
    assert "依据：" in page
    assert "存证" in page


def test_photographs_open_by_receipt_and_by_no_other(client: Client) -> None:
    make_office()
    mine = make_report(photos=[make_photo()])
    other = make_report(idempotency_key="0b6f7d52-8a34-4c1e-9d70-other")
    picture = Attachment.objects.get()
    for suffix in ("", "?small=1"):
        answer = client.get(f"/r/{mine.receipt}/files/{picture.pk}/{suffix}")
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert "private" in answer.headers["Cache-Control"]
    assert client.get(f"/r/{other.receipt}/files/{picture.pk}/").status_code == 404


def test_the_reporter_s_name_and_telephone_are_nowhere_on_the_page(client: Client) -> None:
    make_office()
    page = page_of(client, make_report().receipt)
    assert "李梅" not in page
    assert mask_name("李梅") not in page
    assert "13900000001" not in page


# Rating


def rate(client: Client, received: Received, **given: Any) -> Any:
    return client.post(f"/r/{received.receipt}/rate/", given)


def test_one_tap_rates_and_the_page_says_thank_you(client: Client) -> None:
    received = make_answered(make_office())
    assert "请您评价" in page_of(client, received.receipt)
    assert rate(client, received, level="5", comment="真快").status_code == 302
    page = page_of(client, received.receipt)
    assert "非常满意" in page
    assert queries.progress(received.receipt).rating == "VERY_SATISFIED"


def test_after_a_bad_rating_it_says_what_happens_next(client: Client) -> None:
    received = make_answered(make_office())
    rate(client, received, level="1", comment="根本没修")
    page = page_of(client, received.receipt)
    assert "5 个工作日内有人打电话回访您" in page
    assert "打电话回访您，没办好的重新办" in page


@pytest.mark.parametrize("level", ["", "6", "0", "x"])
def test_a_level_that_is_none_is_asked_again(client: Client, level: str) -> None:
    received = make_answered(make_office())
    answer = rate(client, received, level=level, comment="写了一句")
    assert answer.status_code == 422
    assert "写了一句" in text_of(answer)
    assert queries.progress(received.receipt).rating == ""


def test_a_second_rating_changes_nothing_and_is_told(client: Client) -> None:
    received = make_answered(make_office())
    rate(client, received, level="5")
    answer = client.post(f"/r/{received.receipt}/rate/", {"level": "1"}, follow=True)
    assert "您已经评价过了" in words_of(answer)
    assert queries.progress(received.receipt).rating == "VERY_SATISFIED"


def test_rating_before_the_answer_is_told(client: Client) -> None:
    make_office()
    answer = rate(client, make_report(), level="5")
    assert answer.status_code == 409


def test_a_follow_up_after_the_rating(client: Client) -> None:
    received = make_answered(make_office())
    rate(client, received, level="4")
    url = f"/r/{received.receipt}/follow-up/"
    assert client.post(url, {"comment": ""}).status_code == 422
    assert client.post(url, {"comment": "后来又好了"}).status_code == 302
    assert "后来又好了" in page_of(client, received.receipt)
    assert client.post(url, {"comment": "再来"}).status_code == 409


# Adding to it


def test_more_can_be_said_and_shown_while_it_is_worked_on(client: Client) -> None:
    make_office()
    received = make_report()
    url = f"/r/{received.receipt}/add/"
    assert client.post(url, {}).status_code == 422
    assert client.post(url, {"photos": photo(b"not a picture")}).status_code == 422
    assert client.post(url, {"text": "又多了一堆", "photos": photo()}).status_code == 302
    assert "您补充的情况已转给办理单位" in page_of(client, received.receipt)


def test_a_closed_matter_offers_no_form_to_add(client: Client) -> None:
    office = make_office()
    received = make_answered(office)
    do(received.case_id, "close", office.dispatcher)
    assert "补充情况或照片" not in page_of(client, received.receipt)


def test_staff_signed_in_rate_as_residents_do(client: Client) -> None:
    office = make_office()
    received = make_answered(office)
    client.force_login(account_of(office.other_officer.account_id))
    assert rate(client, received, level="3").status_code == 302


def account_of(account_id: int | None) -> Account:
    assert account_id is not None
    return Account.objects.get(pk=account_id)


def test_the_answer_is_said_once(client: Client) -> None:
    received = make_answered(make_office())
    assert page_of(client, received.receipt).count("已清运，今后每天两次。") == 1


def test_overdue_is_said_with_whom_to_ask(client: Client) -> None:
    make_office()
    received = make_report()
    for clock in Clock.objects.filter(name="answer"):
        clock.started_at -= timedelta(days=60)
        clock.due_at -= timedelta(days=60)
        clock.save()
    assert "已经过了答复时间，对不起" in page_of(client, received.receipt)


def test_residents_may_join_by_receipt_too() -> None:
    make_office()
    first = make_report()
    second = actions.join_report(by=RESIDENT, receipt=first.receipt)
    assert queries.progress(second.receipt).neighbours == 1


def test_each_group_of_categories_stands_once(client: Client) -> None:
    groups = re.findall(r'role="group" aria-label="([^"]+)"', text_of(client.get("/report/")))
    assert len(groups) > 5
    assert len(groups) == len(set(groups))


def test_the_resident_sees_who_looked_when_and_what_for(client: Client) -> None:
    office = make_office()
    report, other = make_report(), make_report(text="另一处垃圾没人清运")
    person = Report.objects.get(pk=report.report_id).reporter_id
    assert person == Report.objects.get(pk=other.report_id).reporter_id
    assert "到现在还没有人看过" in text_of(client.get(f"/r/{report.receipt}/"))
    staff = Client()
    staff.force_login(account_of(office.officer.account_id))
    for case, fields, purpose in (
        (report, ["name", "phone"], "电话核实现场位置"),
        (other, ["address"], "另一件的用途"),
    ):
        shown = staff.post(
            f"/desk/{case.case_id}/reports/{case.report_id}/people/{person}/",
            {"fields_wanted": fields, "purpose": purpose},
        )
        assert shown.status_code == 200
    # The post ends; the look stays one of the post that gave the right.
    post = Post.objects.get(account=office.officer.account_id)
    directory.end_post(post_id=post.pk, by=Actor.system("tests"))
    page = words_of(client.get(f"/r/{report.receipt}/"))
    assert "住建局 部门经办人" in page
    assert "看了姓名、电话" in page
    assert "电话核实现场位置" in page
    assert "另一件的用途" not in page
    assert report.case_number + " 电话核实" not in page
    assert "郑经办" not in page
    look = AccessRecord.objects.get(purpose__contains="电话核实")
    assert f"/verify/{look.record_id}/" in text_of(client.get(f"/r/{report.receipt}/"))
    assert "13900000001" not in page
