"""What is done at the desk: any step in one dialog, nothing typed is lost, several at once."""

import json
import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from huying.cases import actions
from huying.cases.actions import Contact
from huying.cases.models import Attachment, Case, CaseReference, Report
from huying.directory.models import AccessRecord
from huying.directory.permissions import Role
from tests.factories.cases import (
    Office,
    do,
    make_answered,
    make_photo,
    make_report,
)
from tests.factories.directory import TOWNSHIP, make_staff
from tests.integration.cases.desk import (
    HTMX,
    state,
    text_of,
    unknown_report,
    words_of,
)

pytestmark = pytest.mark.django_db


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
