"""What a grid worker sees and does on the telephone, also when a step arrives late."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from huying.cases import actions, queries
from huying.cases.actions import Opened
from huying.cases.models import Act, Attachment, Case, Report
from huying.directory.models import Account
from huying.directory.permissions import Actor
from tests.factories.cases import (
    RESIDENT,
    Office,
    do,
    make_alert_case,
    make_answered,
    make_photo,
    make_report,
)

pytestmark = pytest.mark.django_db

OUTBOX = {"X-Huying-Outbox": "1"}


@pytest.fixture
def worker(client: Client, office: Office) -> Client:
    return signed_in(client, office.grid_worker)


def signed_in(client: Client, actor: Actor) -> Client:
    assert actor.account_id is not None
    client.force_login(Account.objects.get(pk=actor.account_id))
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))


def step(client: Client, case_id: int, action: str, **given: Any) -> Any:
    headers = given.pop("headers", None)
    return client.post(f"/work/{case_id}/do/{action}/", given, headers=headers)


def state(case_id: int) -> str:
    return Case.objects.get(pk=case_id).state


def photo(content: bytes = b"") -> SimpleUploadedFile:
    return SimpleUploadedFile("现场.jpg", content or make_photo().content, "image/jpeg")


# Who may


PAGES = ("/work/", "/work/done/", "/work/report/")


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_ask_for_signing_in(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("role", ["leader", "auditor", "officer"])
def test_other_roles_are_told_it_is_not_theirs(client: Client, office: Office, role: str) -> None:
    answer = signed_in(client, getattr(office, role)).get("/work/")
    assert answer.status_code == 403


def test_another_grid_s_task_is_not_there(client: Client, office: Office) -> None:
    case = make_alert_case()
    other = signed_in(client, office.other_grid_worker)
    assert other.get(f"/work/{case.case_id}/").status_code == 404
    assert step(other, case.case_id, "take").status_code == 404
    assert "都办完了" in words_of(other.get("/work/"))


# The list


def test_the_list_has_the_task_with_its_clock_place_and_one_main_action(worker: Client) -> None:
    case = make_alert_case(place_text="东门站")
    page = text_of(worker.get("/work/"))
    assert "东门站 PM2.5 达到预警值" in page
    assert "还剩" in page
    assert page.count("hy-btn-primary") == 1
    assert f'action="/work/{case.case_id}/do/take/"' in page
    assert 'data-lon="117.005000"' in page


def test_the_telephone_s_place_is_not_asked_for_by_the_server(worker: Client) -> None:
    make_alert_case()
    page = text_of(worker.get("/work/"))
    assert "不上传、不记录" in page
    assert 'name="phone_lon"' not in page
    assert 'name="lon"' not in page


def test_nothing_to_do_is_said(worker: Client) -> None:
    assert "都办完了" in words_of(worker.get("/work/"))


# One task


def test_the_task_shows_the_article_the_way_and_what_was_done(worker: Client) -> None:
    case = make_alert_case(place_text="东门站", summary="15:00 起高于 150")
    page = text_of(worker.get(f"/work/{case.case_id}/"))
    assert "接到预警后 2 小时内到场核实" in page
    assert "15:00 起高于 150" in page
    assert "预警立案" in page
    # GCJ-02 for the country's maps, the plain coordinate for the others.
    assert re.search(r"position=117\.01\d+,39\.00\d+&amp;", page)
    assert "geo:39.005000,117.005000" in page


def test_reporters_are_masked(worker: Client, office: Office) -> None:
    received = make_answered(office)
    page = text_of(worker.get(f"/work/{received.case_id}/"))
    assert "李*" in page
    assert "139****0001" in page
    assert "李梅" not in page
    assert "13900000001" not in page


def test_a_secret_reporter_is_not_named_at_all(worker: Client, office: Office) -> None:
    received = make_answered(office, secret=True)
    page = text_of(worker.get(f"/work/{received.case_id}/"))
    assert received.case_number in page
    assert "李*" not in page
    assert "139****0001" not in page


def test_script_in_a_report_is_shown_as_words(worker: Client, office: Office) -> None:
    received = make_answered(office, text="<script>alert(1)</script>坏了", place_text="<b>门</b>")
    page = text_of(worker.get(f"/work/{received.case_id}/"))
    assert "<script>alert(1)" not in page
    assert "<b>门</b>" not in page


def test_the_map_has_the_point_and_the_grids_around(worker: Client) -> None:
    case = make_alert_case()
    point = worker.get(f"/work/{case.case_id}/place.geojson").json()
    assert point["features"][0]["geometry"]["coordinates"] == [117.005, 39.005]
    around = worker.get(f"/work/{case.case_id}/around.geojson").json()
    assert 1 <= len(around["features"]) <= 2


def test_a_task_without_a_coordinate_says_so(worker: Client) -> None:
    case = make_alert_case(lon=None, lat=None, grid_code="990101001001001")
    page = words_of(worker.get(f"/work/{case.case_id}/"))
    assert "没有坐标，请按文字找" in page
    assert worker.get(f"/work/{case.case_id}/place.geojson").json()["features"] == []


def test_photographs_open_for_this_worker_only(worker: Client, office: Office) -> None:
    received = make_answered(office, photos=[make_photo()])
    picture = Attachment.objects.get()
    url = f"/work/{received.case_id}/files/{picture.pk}/"
    assert worker.get(url).headers["Content-Type"] == "image/jpeg"
    assert signed_in(Client(), office.other_grid_worker).get(url).status_code == 404


# Steps


def test_take_arrive_report_what_was_found(worker: Client) -> None:
    case = make_alert_case()
    assert step(worker, case.case_id, "take", version=case.version).status_code == 302
    assert step(worker, case.case_id, "arrive").status_code == 302
    page = text_of(worker.get(f"/work/{case.case_id}/do/confirm_true/"))
    assert "露天焚烧" in page
    assert "留下现场证据，便于执法人员接着处理；拍不到就不拍" in page
    answer = step(
        worker, case.case_id, "confirm_true", cause="OPEN_BURNING", finding="", photo=photo()
    )
    assert answer.status_code == 302
    assert state(case.case_id) == "CONFIRMED"
    assert Attachment.objects.count() == 1


def test_a_photograph_is_not_asked_for_where_the_procedure_does_not(worker: Client) -> None:
    case = make_alert_case()
    page = text_of(worker.get(f"/work/{case.case_id}/do/confirm_false/"))
    assert 'type="file"' not in page


def test_what_is_missing_is_asked_for_and_nothing_is_lost(worker: Client) -> None:
    case = make_alert_case()
    answer = step(worker, case.case_id, "confirm_true", finding="烧麦秆，约一亩")
    assert answer.status_code == 422
    assert "请点一个" in words_of(answer)
    assert "烧麦秆，约一亩" in text_of(answer)
    assert state(case.case_id) == "ALERTED"


@pytest.mark.parametrize("content", [b"no picture", b"\x00" * (12 * 2**20 + 1)])
def test_a_photograph_that_is_none_is_refused_and_the_step_not_taken(
    worker: Client, content: bytes
) -> None:
    case = make_alert_case()
    answer = step(worker, case.case_id, "confirm_true", cause="FACTORY", photo=photo(content))
    assert answer.status_code == 422
    assert "照片要再选一次" in words_of(answer)
    assert state(case.case_id) == "ALERTED"


def test_verifying_and_refusing_an_answer(worker: Client, office: Office) -> None:
    received = make_answered(office)
    assert "还没有动工" in text_of(worker.get(f"/work/{received.case_id}/do/reject/"))
    assert step(worker, received.case_id, "reject").status_code == 422
    assert step(worker, received.case_id, "reject", reason="还没有动工").status_code == 302
    assert state(received.case_id) == "HANDLING"


def test_an_unknown_step_is_told(worker: Client) -> None:
    case = make_alert_case()
    assert step(worker, case.case_id, "no_such_step").status_code == 409


# Late and double


def test_the_same_step_twice_is_one_step(worker: Client) -> None:
    case = make_alert_case()
    for _again in range(2):
        answer = step(worker, case.case_id, "take", version=case.version, headers=OUTBOX)
        assert answer.status_code == 204
    assert Act.objects.filter(case_id=case.case_id, action="take").count() == 1


def test_steps_queued_without_a_signal_arrive_in_order_though_the_page_was_old(
    worker: Client,
) -> None:
    case = make_alert_case()
    seen = case.version
    for action, more in (
        ("take", {}),
        ("arrive", {}),
        ("confirm_true", {"cause": "ROAD_DUST"}),
    ):
        answer = step(worker, case.case_id, action, version=seen, headers=OUTBOX, **more)
        assert answer.status_code == 204, words_of(answer)
    assert state(case.case_id) == "CONFIRMED"


def test_somebody_else_acted_meanwhile_and_the_step_is_gone(worker: Client, office: Office) -> None:
    case: Opened = make_alert_case()
    do(case.case_id, "take", office.other_officer)
    answer = step(worker, case.case_id, "take", version=case.version)
    assert answer.status_code == 409
    assert "冯经办" in words_of(answer)
    assert "没有重复记账" in words_of(answer)
    assert Act.objects.filter(case_id=case.case_id, action="take").count() == 1


def test_somebody_else_acted_meanwhile_and_the_words_are_kept(
    worker: Client, office: Office
) -> None:
    case = make_alert_case()
    do(case.case_id, "take", office.other_officer)
    given = {"cause": "FACTORY", "finding": "烟囱冒黄烟"}
    answer = step(worker, case.case_id, "confirm_true", version=case.version, **given)
    assert answer.status_code == 409
    assert "冯经办" in words_of(answer)
    assert "烟囱冒黄烟" in text_of(answer)
    (version,) = re.findall(r'name="version" value="(\d+)"', text_of(answer))
    again = step(worker, case.case_id, "confirm_true", version=version, **given)
    assert again.status_code == 302
    assert state(case.case_id) == "CONFIRMED"


def test_words_written_for_a_step_that_is_gone_are_shown_again(
    worker: Client, office: Office
) -> None:
    case = make_alert_case()
    do(case.case_id, "confirm_false", office.other_officer, why_false="PASSING")
    answer = step(worker, case.case_id, "confirm_true", version=case.version, finding="烟囱冒黄烟")
    assert answer.status_code == 409
    assert "烟囱冒黄烟" in text_of(answer)


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 30, "１"])
def test_a_version_that_is_none_does_not_break_the_page(worker: Client, version: str) -> None:
    case = make_alert_case()
    answer = step(worker, case.case_id, "take", version=version)
    assert answer.status_code in {302, 409, 422}


# How it ended


def test_hear_how_it_ended_with_the_people_s_words(worker: Client, office: Office) -> None:
    assert "还没有办结的" in words_of(worker.get("/work/done/"))
    received = make_answered(office)
    do(received.case_id, "verify", office.grid_worker)
    actions.rate(receipt=received.receipt, rating=5, comment="来得真快", by=RESIDENT)
    do(received.case_id, "close", office.dispatcher)
    page = words_of(worker.get("/work/done/"))
    assert "已清运，今后每天两次。" in page
    assert "非常满意" in page
    assert "来得真快" in page


# 随手报, 代报


def report(client: Client, **given: Any) -> Any:
    return client.post("/work/report/", {"text": "路边倒了一棵树", "idempotency_key": "k1"} | given)


def test_what_the_worker_saw_is_a_report_of_channel_grid(worker: Client, office: Office) -> None:
    answer = report(worker, lon="117.005", lat="39.005", photos=photo())
    assert answer.headers["Location"] == "/work/"
    found = Report.objects.get()
    assert found.channel == "GRID"
    assert found.recorded_by_id == office.grid_worker.account_id
    assert "已收到，回执号" in text_of(worker.get("/work/"))


def test_for_a_resident_the_receipt_is_shown_at_once(worker: Client) -> None:
    answer = report(worker, who="OTHER", other_name="王桂兰", other_phone="13900000009")
    assert re.match(r"^/r/[0-9A-Z]{12}/$", answer.headers["Location"])
    assert Report.objects.get().on_behalf


def test_who_the_worker_is_need_not_be_typed(worker: Client) -> None:
    page = text_of(worker.get("/work/report/"))
    assert 'name="other_name"' in page
    assert 'name="name"' not in page
    report(worker, name="陈网格", phone="13900000001")
    assert Report.objects.get().reporter_id is None


def test_two_taps_are_one_report(worker: Client) -> None:
    report(worker)
    report(worker)
    assert Report.objects.count() == 1


def test_nothing_said_is_asked_for(worker: Client) -> None:
    answer = report(worker, text="", place_text="东门")
    assert answer.status_code == 422
    assert 'value="东门"' in text_of(answer)


def test_the_task_page_knows_whose_turn_it_is(worker: Client, office: Office) -> None:
    received = make_report()
    page = words_of(worker.get(f"/work/{received.case_id}/"))
    assert "您不用做什么" in page
    do(received.case_id, "take", office.officer)
    do(received.case_id, "answer", office.officer, reply="好了", outcome="SOLVED")
    assert "轮到您" in words_of(worker.get(f"/work/{received.case_id}/"))
    assert queries.tasks_near(office.grid_worker)
