"""The desk as it is looked at: the list, the case, files and maps, and what it asks for."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from huying.cases import actions, queries
from huying.cases.actions import Contact
from huying.cases.models import Attachment
from huying.cases.tables import table_file
from tests.factories.cases import (
    RESIDENT,
    Office,
    do,
    make_alert_case,
    make_answered,
    make_photo,
    make_report,
)
from tests.factories.directory import GRIDS
from tests.integration.cases.desk import (
    HTMX,
    rows_of,
    text_of,
    unknown_report,
    words_of,
)

pytestmark = pytest.mark.django_db


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
