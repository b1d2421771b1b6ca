"""The desk: who sees what, any step in one dialog, nothing typed is lost, several at once."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from huying.cases import actions, queries
from huying.cases.actions import Contact
from huying.cases.models import Attachment, Case, CaseReference, Report
from huying.directory.models import AccessRecord
from huying.directory.permissions import Actor, Role
from tests.factories.cases import (
    RESIDENT,
    Office,
    do,
    make_alert_case,
    make_answered,
    make_office,
    make_photo,
    make_report,
)
from tests.factories.directory import GRIDS, TOWNSHIP, account_of, make_staff

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
ROLES = (
    "dispatcher",
    "clerk",
    "officer",
    "head",
    "leader",
    "auditor",
    "grid_worker",
    "system_admin",
    "security_admin",
)
LOOKERS = {"dispatcher", "clerk", "officer", "head", "leader", "auditor"}
RECORDERS = {"dispatcher", "clerk", "grid_worker"}


@pytest.fixture
def office() -> Office:
    return make_office()


@pytest.fixture
def signed_in(office: Office) -> Callable[[str], Client]:
    """A browser signed in as somebody of the office, by the name of the field."""

    def open_browser(who: str) -> Client:
        browser = Client()
        browser.force_login(account_of(actor_of(office, who)))
        return browser

    return open_browser


def actor_of(office: Office, who: str) -> Actor:
    if who in {"system_admin", "security_admin"}:
        return make_staff(Role(who.upper()), name="管理员", organisation=office.centre)
    found: Actor = getattr(office, who)
    return found


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))


def state(case_id: int) -> str:
    return Case.objects.get(pk=case_id).state


def unknown_report(**changes: Any) -> actions.Received:
    """A report nobody is named for: it waits to be dispatched."""
    return make_report(**({"category": ""} | changes))


def rows_of(answer: Any) -> list[int]:
    return [int(found) for found in re.findall(r'id="row-(\d+)"', text_of(answer))]


# Who may


def pages_of(case_id: int) -> list[tuple[str, set[str]]]:
    dispatchers = {"dispatcher"}
    notes = {"dispatcher", "clerk", "officer", "head"}
    return [
        ("/desk/", LOOKERS),
        ("/desk/queues/", LOOKERS),
        ("/desk/new/", LOOKERS),
        ("/desk/export.csv", LOOKERS),
        ("/desk/map/", LOOKERS),
        ("/desk/map/grids.geojson", LOOKERS),
        ("/desk/map/points.geojson", LOOKERS),
        (f"/desk/{case_id}/", LOOKERS),
        (f"/desk/{case_id}/print/", LOOKERS),
        (f"/desk/{case_id}/around.geojson", LOOKERS),
        (f"/desk/{case_id}/around-points.geojson", LOOKERS),
        (f"/desk/{case_id}/do/supervise/", LOOKERS),
        (f"/desk/{case_id}/reference/", notes | {"grid_worker"}),
        (f"/desk/{case_id}/people/", notes | {"grid_worker"}),
        (f"/desk/{case_id}/papers/", notes | {"grid_worker"}),
        (f"/desk/{case_id}/rate/", {"dispatcher", "clerk", "grid_worker"}),
        (f"/desk/{case_id}/split/", dispatchers),
        (f"/desk/{case_id}/repeat/", dispatchers),
        ("/desk/bulk/dispatch/", dispatchers),
        ("/desk/bulk/merge/", dispatchers),
        ("/desk/intake/", RECORDERS),
        ("/desk/places/?q=东", RECORDERS | {"leader", "auditor"}),
    ]


@pytest.mark.parametrize("who", ROLES)
def test_each_page_opens_for_its_roles_alone(
    who: str, office: Office, signed_in: Callable[[str], Client]
) -> None:
    case_id = make_report().case_id
    browser = signed_in(who)
    for path, may in pages_of(case_id):
        answer = browser.get(path)
        assert answer.status_code == (200 if who in may else 403), (path, who)


def test_nobody_sees_the_desk_without_signing_in(client: Client, office: Office) -> None:
    case_id = make_report().case_id
    for path, _may in pages_of(case_id):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/sign-in/")


def test_another_unit_finds_nothing_of_the_case(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report(photos=[make_photo()])
    photo = Attachment.objects.get(report_id=report.report_id)
    other = signed_in("other_officer")
    paths = [
        f"/desk/{report.case_id}/",
        f"/desk/{report.case_id}/print/",
        f"/desk/{report.case_id}/news/",
        f"/desk/{report.case_id}/around.geojson",
        f"/desk/{report.case_id}/do/take/",
        f"/desk/{report.case_id}/reference/",
        f"/desk/{report.case_id}/files/{photo.pk}/",
    ]
    for path in paths:
        assert other.get(path).status_code == 404, path
    assert other.post(f"/desk/{report.case_id}/do/take/").status_code == 404
    assert rows_of(other.get("/desk/?closed=all")) == []
    assert report.case_number not in b"".join(other.get("/desk/export.csv")).decode()
    assert other.get("/desk/map/points.geojson").json()["features"] == []
    assert other.get(f"/desk/new/?case={report.case_id}").json() == {"count": 0}
    assert state(report.case_id) == "DISPATCHED"


@pytest.mark.parametrize(
    ("who", "page"),
    [
        ("dispatcher", "desk"),
        ("officer", "desk"),
        ("auditor", "audit/cases"),
        ("grid_worker", "work"),
    ],
)
def test_the_link_of_a_notice_leads_to_ones_own_page(
    who: str, page: str, signed_in: Callable[[str], Client]
) -> None:
    case_id = make_report().case_id
    answer = signed_in(who).get(f"/cases/{case_id}/")
    assert answer.headers["Location"] == f"/{page}/{case_id}/"


# The list


def test_the_list_is_narrowed_by_its_address_and_chips_take_filters_away(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    garbage, unsure = make_report(), unknown_report(text="路灯不亮了")
    alert = make_alert_case()
    desk = signed_in("dispatcher")
    assert set(rows_of(desk.get("/desk/"))) == {garbage.case_id, unsure.case_id, alert.case_id}
    assert rows_of(desk.get("/desk/?category=GARBAGE")) == [garbage.case_id]
    assert rows_of(desk.get("/desk/?procedure=environmental_alert")) == [alert.case_id]
    assert rows_of(desk.get("/desk/?urgency=URGENT")) == [alert.case_id]
    assert rows_of(desk.get(f"/desk/?unit={office.bureau.pk}")) == [garbage.case_id]
    assert rows_of(desk.get("/desk/?state=REGISTERED")) == [unsure.case_id]
    assert set(rows_of(desk.get(f"/desk/?grid={GRIDS[0]}"))) >= {garbage.case_id}
    assert rows_of(desk.get("/desk/?closed=1")) == []
    narrowed = text_of(desk.get("/desk/?category=GARBAGE&urgency=NORMAL"))
    assert 'href="/desk/?urgency=NORMAL"' in narrowed
    assert 'href="/desk/?category=GARBAGE"' in narrowed


def test_nonsense_in_an_address_narrows_nothing(signed_in: Callable[[str], Client]) -> None:
    case_id = make_report().case_id
    answer = signed_in("dispatcher").get(
        "/desk/?unit=abc&division=<x>&state=%00&urgency=HUGE&closed=9&grid=1&procedure=../etc"
    )
    assert answer.status_code == 200
    assert rows_of(answer) == [case_id]


def test_a_case_is_found_by_words_number_and_receipt_also_closed(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_answered(office)
    do(report.case_id, "verify", office.grid_worker)
    do(report.case_id, "close", office.dispatcher)
    other = make_report(text="路灯坏了")
    desk = signed_in("dispatcher")
    for said in (report.receipt_display, report.case_number, "垃圾"):
        assert rows_of(desk.get("/desk/", {"q": said})) == [report.case_id], said
    assert rows_of(desk.get("/desk/", {"q": "路灯"})) == [other.case_id]
    nothing = desk.get("/desk/", {"q": "没有这种事"})
    assert "没有符合这些条件的事项" in words_of(nothing)


def test_an_empty_desk_says_what_will_come(signed_in: Callable[[str], Client]) -> None:
    assert "没有要办的事项" in words_of(signed_in("dispatcher").get("/desk/"))


def test_the_list_goes_on_by_key_without_repeats(
    signed_in: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huying.cases.pages.desk.PAGE_SIZE", 2)
    cases = {make_report(text=f"第{number}处垃圾").case_id for number in range(5)}
    desk = signed_in("dispatcher")
    seen: list[int] = []
    path = "/desk/?order=NEWEST"
    for _page in range(3):
        answer = desk.get(path, headers={"HX-Target": "more"} if seen else {})
        seen += rows_of(answer)
        found = re.search(r'id="more"><a class="[^"]*" href="([^"]+)"', text_of(answer))
        if not found:
            break
        path = found[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 5
    assert set(seen) == cases


def test_queues_show_counts_and_the_approval_queue_of_a_head(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report()
    do(report.case_id, "take", office.officer)
    do(report.case_id, "extend", office.officer, reason="要等设备到货")
    make_report(text="另一处")
    head = signed_in("head")
    assert re.search(r"待审批 1 ", words_of(head.get("/desk/queues/")))
    assert rows_of(head.get("/desk/?pending=1")) == [report.case_id]
    page = words_of(head.get(f"/desk/{report.case_id}/"))
    assert "等待审批：申请延期" in page
    assert "要等设备到货" in page
    assert "同意延期" in page
    assert "待审批" not in words_of(signed_in("officer").get("/desk/queues/"))


def test_only_what_belongs_to_the_list_counts_as_new(signed_in: Callable[[str], Client]) -> None:
    garbage, unsure = make_report(), unknown_report()
    desk = signed_in("dispatcher")
    both = f"case={garbage.case_id}&case={unsure.case_id}&case=99999999&case=x"
    assert desk.get(f"/desk/new/?{both}").json() == {"count": 2}
    assert desk.get(f"/desk/new/?state=REGISTERED&{both}").json() == {"count": 1}


# The case


def test_the_case_shows_clocks_with_articles_masked_people_acts_with_proofs(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report(photos=[make_photo()])
    do(report.case_id, "take", office.officer)
    answer = signed_in("dispatcher").get(f"/desk/{report.case_id}/")
    page = words_of(answer)
    assert report.case_number in page
    assert "起算15个工作日" in page or "起算10个工作日" in page
    assert "国办发〔2020〕53号" in page
    assert "李*" in page
    assert "李梅" not in page
    assert "13900000001" not in text_of(answer)
    assert "涉及 1 人" in page
    record = queries.case_page(report.case_id, office.dispatcher).acts[-1].record_id
    assert f'href="/verify/{record}/"' in text_of(answer)
    photo = Attachment.objects.get(report_id=report.report_id)
    assert f"/desk/{report.case_id}/files/{photo.pk}/?small=1" in text_of(answer)
    small = signed_in("dispatcher").get(f"/desk/{report.case_id}/files/{photo.pk}/?small=1")
    assert small.headers["Content-Type"] == "image/jpeg"


def test_only_what_may_be_done_now_stands_in_the_bar(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    case_id = make_report().case_id
    assert f"/desk/{case_id}/do/take/" in text_of(signed_in("officer").get(f"/desk/{case_id}/"))
    dispatcher = text_of(signed_in("dispatcher").get(f"/desk/{case_id}/"))
    assert f"/desk/{case_id}/do/take/" not in dispatcher
    assert f"/desk/{case_id}/do/reassign/" in dispatcher
    auditor = text_of(signed_in("auditor").get(f"/desk/{case_id}/"))
    assert "/do/" not in auditor
    assert "说明用途后查看" not in auditor
    letters = re.findall(r'data-key="([a-z])"', dispatcher.partition("hy-actionbar")[2])
    assert len(letters) == len(set(letters)) > 3


def test_the_pane_alone_for_htmx_and_the_list_beside_it_otherwise(
    signed_in: Callable[[str], Client],
) -> None:
    case_id = make_report().case_id
    desk = signed_in("dispatcher")
    pane = text_of(desk.get(f"/desk/{case_id}/", headers=HTMX | {"HX-Target": "case"}))
    assert "<html" not in pane
    whole = desk.get(f"/desk/{case_id}/?category=GARBAGE")
    assert rows_of(whole) == [case_id]
    assert 'data-open="case"' in text_of(whole)


def test_a_secret_report_is_no_open_book(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report(secret=True)
    page = words_of(signed_in("officer").get(f"/desk/{report.case_id}/"))
    assert "要求保密" in page
    assert "李" not in page


# A step


def test_a_step_is_asked_for_with_its_effects_and_done(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = unknown_report()
    desk = signed_in("dispatcher")
    form = desk.get(f"/desk/{report.case_id}/do/dispatch/", headers=HTMX)
    asked = words_of(form)
    assert "办完后：待签收" in asked
    assert "开始计时：签收" in asked
    assert "会通知" in asked
    assert "办错了可以再“改派”" in asked
    answer = desk.post(
        f"/desk/{report.case_id}/do/dispatch/",
        {"unit": office.bureau.pk, "version": report.version, "remark": "请尽快"},
        headers=HTMX,
    )
    assert answer.status_code == 200
    assert answer.headers["HX-Retarget"] == "#case"
    told = json.loads(answer.headers["HX-Trigger"])
    assert told["huying:toast"]["text"] == "派单，已记下。"
    assert told["huying:acted"]["ids"] == [report.case_id]
    assert f'data-into="#row-{report.case_id}"' in text_of(answer)
    assert state(report.case_id) == "DISPATCHED"


def test_without_script_a_step_is_a_page_and_leads_back(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    case_id = make_report().case_id
    officer = signed_in("officer")
    page = officer.get(f"/desk/{case_id}/do/take/")
    assert "<html" in text_of(page)
    answer = officer.post(f"/desk/{case_id}/do/take/")
    assert answer.headers["Location"] == f"/desk/{case_id}/"
    assert state(case_id) == "HANDLING"


def test_what_is_missing_is_said_and_what_was_typed_stays(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    case_id = make_report().case_id
    answer = signed_in("officer").post(
        f"/desk/{case_id}/do/return/", {"article": "", "reason": "不归我们管"}, headers=HTMX
    )
    assert answer.status_code == 422
    assert "您填的内容都还在" in words_of(answer)
    assert "不归我们管" in text_of(answer)
    assert state(case_id) == "DISPATCHED"


def test_who_comes_second_is_told_who_was_first_and_keeps_the_words(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report()
    do(report.case_id, "take", office.officer)
    version = Case.objects.get(pk=report.case_id).version
    do(report.case_id, "contact", office.head, "我已打过电话")
    officer = signed_in("officer")
    given = {"remark": "已上门说明，约好明天来清", "version": version}
    answer = officer.post(f"/desk/{report.case_id}/do/contact/", given, headers=HTMX)
    assert answer.status_code == 409
    page = text_of(answer)
    assert "王局长已于" in page
    assert "已联系群众" in page
    assert "已上门说明，约好明天来清" in page
    assert 'data-into="#case"' in page
    # The form now carries the new version: sending it once more is enough.
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    again = officer.post(
        f"/desk/{report.case_id}/do/contact/", given | {"version": found[1]}, headers=HTMX
    )
    assert again.status_code == 200


def test_a_step_no_longer_open_gives_the_words_back(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    case_id = make_report().case_id
    do(case_id, "return", office.head, reason="不归我们", article="三定方案")
    answer = signed_in("officer").post(
        f"/desk/{case_id}/do/return/",
        {"reason": "这是城管局的职责", "article": "第三条"},
        headers=HTMX,
    )
    assert answer.status_code == 409
    page = words_of(answer)
    assert "这一步已经不用办了" in page
    assert "王局长" in page
    assert "这是城管局的职责" in page


def test_a_case_sent_on_disappears_without_an_error(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    """A head of both units would still see it; this dispatcher of one township does not."""
    report = make_report()
    do(report.case_id, "take", office.officer)
    officer = signed_in("officer")
    do(report.case_id, "reassign", office.dispatcher, unit=office.other_bureau.pk, reason="改派")
    answer = officer.post(f"/desk/{report.case_id}/do/remark/", {"remark": "晚了"}, headers=HTMX)
    assert answer.status_code == 404


def test_photos_come_with_a_step(office: Office, signed_in: Callable[[str], Client]) -> None:
    report = make_report()
    do(report.case_id, "take", office.officer)
    form = signed_in("officer").get(f"/desk/{report.case_id}/do/answer/", headers=HTMX)
    assert "证明事情已经办好，供核查" in words_of(form)
    answer = signed_in("officer").post(
        f"/desk/{report.case_id}/do/answer/",
        {
            "reply": "已清运。",
            "outcome": "SOLVED",
            "photo": SimpleUploadedFile("a.jpg", make_photo().content, "image/jpeg"),
        },
        headers=HTMX,
    )
    assert answer.status_code == 200
    assert Attachment.objects.filter(case_id=report.case_id, act__action="answer").count() == 1
    bad = make_report(text="又一处")
    do(bad.case_id, "take", office.officer)
    refused = signed_in("officer").post(
        f"/desk/{bad.case_id}/do/answer/",
        {
            "reply": "已清运干净。",
            "outcome": "SOLVED",
            "photo": SimpleUploadedFile("a.jpg", b"not a picture", "image/jpeg"),
        },
        headers=HTMX,
    )
    assert refused.status_code == 422
    assert "不是照片" in words_of(refused)
    assert "已清运干净。" in text_of(refused)


def test_a_rating_told_by_telephone_is_taken_down_with_its_level(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_answered(office)
    clerk = signed_in("clerk")
    page = text_of(clerk.get(f"/desk/{report.case_id}/"))
    assert "/do/rate" not in page
    assert f"/desk/{report.case_id}/rate/" in page
    assert clerk.post(f"/desk/{report.case_id}/do/rate_badly/", headers=HTMX).status_code == 409
    answer = clerk.post(
        f"/desk/{report.case_id}/rate/",
        {"report": report.report_id, "rating": "DISSATISFIED", "comment": "又堆起来了"},
        headers=HTMX,
    )
    assert answer.status_code == 200
    rated = Report.objects.get(pk=report.report_id)
    assert (rated.rating, rated.rating_comment) == ("DISSATISFIED", "又堆起来了")
    assert state(report.case_id) == "CALLBACK"
    # The callback concerns the one report that waits for it, chosen already.
    form = text_of(clerk.get(f"/desk/{report.case_id}/do/call_back/", headers=HTMX))
    assert f'value="{report.report_id}"' in form
    called = clerk.post(
        f"/desk/{report.case_id}/do/call_back/",
        {"report": report.report_id, "result": "已说明，明天再清一次"},
        headers=HTMX,
    )
    assert called.status_code == 200


def test_news_name_the_last_colleague_and_not_oneself(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report()
    seen = Case.objects.get(pk=report.case_id).version
    do(report.case_id, "take", office.officer)
    path = f"/desk/{report.case_id}/news/?since={seen}"
    assert signed_in("officer").get(path).status_code == 204
    told = words_of(signed_in("head").get(path))
    assert "郑经办" in told
    assert "签收" in told
    assert (
        signed_in("head").get(f"/desk/{report.case_id}/news/?since={seen + 1}").status_code == 204
    )


# Several at once


def test_several_are_dispatched_with_an_act_each_and_the_rest_is_told(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    first, second = unknown_report(), unknown_report(text="又一处，不知归谁")
    gone = make_report()
    desk = signed_in("dispatcher")
    ids = [first.case_id, second.case_id, gone.case_id]
    asked = words_of(desk.get("/desk/bulk/dispatch/", {"case": ids}, headers=HTMX))
    assert "派单：2 件" in asked
    assert "这几件不在待派单" in asked
    # Somebody dispatches the second in between.
    do(second.case_id, "dispatch", office.dispatcher, unit=office.other_bureau.pk)
    unseen = unknown_report(text="第三处")
    answer = desk.post(
        "/desk/bulk/dispatch/",
        {
            "case": [first.case_id, unseen.case_id],
            f"version-{first.case_id}": first.version,
            f"version-{unseen.case_id}": unseen.version + 7,
            "unit": office.bureau.pk,
        },
        headers=HTMX,
    )
    told = words_of(answer)
    assert "2 件里办成 1 件" in told
    assert "没有丢" in told
    assert state(first.case_id) == "DISPATCHED"
    assert state(unseen.case_id) == "REGISTERED"
    assert json.loads(answer.headers["HX-Trigger"])["huying:acted"]["ids"] == [first.case_id]


def test_bulk_dispatch_needs_a_unit(office: Office, signed_in: Callable[[str], Client]) -> None:
    report = unknown_report()
    answer = signed_in("dispatcher").post(
        "/desk/bulk/dispatch/", {"case": [report.case_id]}, headers=HTMX
    )
    assert answer.status_code == 422
    assert "请选一个承办单位" in words_of(answer)


def test_merging_and_splitting_keep_receipts(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    first, second = make_report(), make_report(text="南门的垃圾还没人管")
    desk = signed_in("dispatcher")
    ids = [first.case_id, second.case_id]
    assert "并案：2 件" in words_of(desk.get("/desk/bulk/merge/", {"case": ids}, headers=HTMX))
    alone = desk.get("/desk/bulk/merge/", {"case": ids[:1]}, headers=HTMX)
    assert "要选两件以上" in words_of(alone)
    answer = desk.post(
        "/desk/bulk/merge/", {"case": ids, "into": first.case_id, "note": "同一处"}, headers=HTMX
    )
    assert answer.status_code == 200
    assert state(second.case_id) == "MERGED"
    page = words_of(desk.get(f"/desk/{first.case_id}/"))
    assert "群众反映（2 件）" in page
    assert "拆分" in page
    merged = words_of(desk.get(f"/desk/{second.case_id}/"))
    assert f"已并入 {first.case_number}" in merged
    split = desk.post(
        f"/desk/{first.case_id}/split/", {"reports": [second.report_id]}, headers=HTMX
    )
    assert split.status_code == 200
    assert Report.objects.get(pk=second.report_id).case_id not in ids
    wrong = desk.post(f"/desk/{first.case_id}/split/", {"reports": [first.report_id]}, headers=HTMX)
    assert wrong.status_code == 409


# What no procedure foresees


def test_a_reference_people_and_papers_are_noted(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    case_id = make_report().case_id
    desk = signed_in("dispatcher")
    given = {"system": "市 12345 热线", "number": "HL-2026-1"}
    assert desk.post(f"/desk/{case_id}/reference/", given, headers=HTMX).status_code == 200
    assert CaseReference.objects.get(case_id=case_id).number == "HL-2026-1"
    assert "HL-2026-1" in words_of(desk.get(f"/desk/{case_id}/"))
    wrong = desk.post(f"/desk/{case_id}/people/", {"number": "0"}, headers=HTMX)
    assert wrong.status_code == 422
    assert "至少是 1 人" in words_of(wrong)
    assert desk.post(f"/desk/{case_id}/people/", {"number": "30"}, headers=HTMX).status_code == 200
    assert Case.objects.get(pk=case_id).people_involved == 30
    scan = SimpleUploadedFile("来信.pdf", b"%PDF-1.7 test", "application/pdf")
    added = desk.post(f"/desk/{case_id}/papers/", {"papers": scan}, headers=HTMX)
    assert added.status_code == 200
    assert Attachment.objects.get(case_id=case_id).mime == "application/pdf"


def test_a_repeat_is_marked_by_choosing_or_by_number(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    first, other = make_report(), make_report(contact=Contact(name="赵六", phone="13900000006"))
    secret = make_report(text="要保密的一件", secret=True)
    second = make_report(text="垃圾又堆起来了")
    desk = signed_in("dispatcher")
    page = f"/desk/{second.case_id}/repeat/"
    asked = words_of(desk.get(page, headers=HTMX))
    assert first.case_number in asked
    assert other.case_number not in asked
    assert secret.case_number not in asked
    assert desk.post(page, {"report": second.report_id}, headers=HTMX).status_code == 422
    for given, status in (
        ({"number": "HY999"}, 404),
        ({"number": second.receipt}, 422),
        ({"earlier": first.report_id}, 200),
        ({"number": other.case_number.lower()}, 200),
    ):
        answer = desk.post(page, {"report": second.report_id, **given}, headers=HTMX)
        assert answer.status_code == status, given
    assert Report.objects.get(pk=second.report_id).repeat_of_id == other.report_id
    assert f"/desk/{other.case_id}/" in desk.get(f"/desk/{second.case_id}/").content.decode()
    backwards = desk.post(
        f"/desk/{first.case_id}/repeat/",
        {"report": first.report_id, "number": second.receipt},
        headers=HTMX,
    )
    assert "那件比这件晚" in words_of(backwards)
    # A dispatcher of one township names nothing of another.
    Case.objects.filter(pk=first.case_id).update(division_code="990101002001")
    local = make_staff(Role.DISPATCHER, division=TOWNSHIP)
    with pytest.raises(actions.ReportNotFound):
        actions.mark_repeat(report_id=second.report_id, repeat_of=first.report_id, by=local)


def test_a_name_is_shown_for_a_purpose_and_leaves_a_record(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report()
    person = Report.objects.get(pk=report.report_id).reporter_id
    path = f"/desk/{report.case_id}/reports/{report.report_id}/people/{person}/"
    officer = signed_in("officer")
    wanted = {"fields_wanted": ["name", "phone"]}
    without = officer.post(path, wanted | {"purpose": "看"}, headers=HTMX)
    assert without.status_code == 422
    assert not AccessRecord.objects.exists()
    shown = officer.post(path, wanted | {"purpose": "联系反映人核实位置"}, headers=HTMX)
    assert "李梅" in words_of(shown)
    assert "13900000001" in words_of(shown)
    assert "no-store" in shown.headers["Cache-Control"]
    record = AccessRecord.objects.get()
    assert record.account_id == office.officer.account_id
    assert record.purpose == f"{report.case_number} 联系反映人核实位置"
    assert signed_in("auditor").get(path).status_code == 403
    assert signed_in("leader").get(path).status_code == 403
    assert signed_in("other_officer").get(path).status_code == 404
    other = make_report(text="别处", contact=Contact(name="王强", phone="13900000002"))
    stranger = Report.objects.get(pk=other.report_id).reporter_id
    crossed = f"/desk/{report.case_id}/reports/{report.report_id}/people/{stranger}/"
    assert officer.post(crossed, wanted | {"purpose": "随便看看"}).status_code == 404


# Files and maps


def test_the_table_file_holds_no_words_and_no_people(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report(text="=cmd|' /C calc'!A0 我叫李梅，住东门", place_text="东门社区李梅家")
    answer = signed_in("dispatcher").get("/desk/export.csv?category=GARBAGE")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    body = b"".join(answer).decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(body)))
    assert table[1][0] == report.case_number
    assert "住建局" in table[1]
    assert "李梅" not in body
    assert "calc" not in body
    assert "13900000001" not in body


def test_the_table_file_is_bounded(
    signed_in: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huying.cases.pages.desk.MOST_EXPORTED", 2)
    for number in range(3):
        make_report(text=f"第{number}处")
    body = b"".join(signed_in("dispatcher").get("/desk/export.csv"))
    assert len(body.decode().strip().splitlines()) == 1 + 2


def test_a_formula_is_text_in_a_spreadsheet() -> None:
    from huying.cases.tables import table_file

    body = b"".join(table_file("x.csv", ["a"], [["=1+1"], ["@sum"], ["-2"], [3], ["好"]]))
    assert body.decode().split("\r\n")[1:6] == ["'=1+1", "'@sum", "'-2", "3", "好"]


def test_the_map_shades_grids_and_opens_their_lists(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report()
    dispatcher = signed_in("dispatcher")
    grids = dispatcher.get("/desk/map/grids.geojson").json()
    found = {one["properties"]["code"]: one["properties"] for one in grids["features"]}
    assert found[GRIDS[0]]["OPEN"] == 1
    assert found[GRIDS[0]]["RECEIVED_7_DAYS"] == 1
    assert found[GRIDS[1]]["OPEN"] == 0
    assert found[GRIDS[0]]["url"] == f"/desk/?grid={GRIDS[0]}"
    points = dispatcher.get("/desk/map/points.geojson").json()["features"]
    assert points[0]["properties"]["url"] == f"/desk/{report.case_id}/"
    other = signed_in("other_officer").get("/desk/map/grids.geojson").json()
    assert all(one["properties"]["OPEN"] == 0 for one in other["features"])
    assert "RECEIVED_7_DAYS" not in other["features"][0]["properties"]


def test_the_case_on_paper_is_masked(office: Office, signed_in: Callable[[str], Client]) -> None:
    report = make_answered(office)
    page = words_of(signed_in("officer").get(f"/desk/{report.case_id}/print/"))
    assert "李*" in page
    assert "李梅" not in page
    assert "已清运，今后每天两次。" in page
    assert "郑经办 于" in page


# Nothing grows with history

MOST_QUERIES = {"/desk/": 16, "/desk/{case}/": 34, "/desk/map/": 16, "/desk/intake/": 12}


@pytest.mark.parametrize("path", MOST_QUERIES)
def test_a_page_asks_the_same_however_much_there_is(
    path: str, office: Office, signed_in: Callable[[str], Client]
) -> None:
    desk = signed_in("dispatcher")
    case_id = make_report().case_id
    desk.get(path.format(case=case_id))
    with CaptureQueriesContext(connection) as few:
        desk.get(path.format(case=case_id))
    for number in range(6):
        make_report(text=f"第{number}处垃圾", contact=Contact(name=f"人{number}", phone=""))
        actions.join_report(by=RESIDENT, case_id=case_id, text=f"我也看到了{number}")
    desk.get(path.format(case=case_id))
    with CaptureQueriesContext(connection) as many:
        desk.get(path.format(case=case_id))
    assert len(many) <= len(few) + 1
    assert len(many) <= MOST_QUERIES[path], [one["sql"][:120] for one in many]
