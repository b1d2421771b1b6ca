"""A person erased: the words go, the account of what was done stays, and the proof holds."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from huying.cases import actions, queries
from huying.cases.actions import Contact
from huying.cases.models import Act, Attachment, Case, CaseWords, Report
from huying.directory import actions as directory
from huying.directory.models import AccessRecord, Person
from huying.directory.permissions import NotAllowed, Role
from huying.ledger.models import Record, Salt
from huying.ledger.verify import verify_database
from huying.notices.models import Notice
from tests.factories.cases import (
    RESIDENT,
    Office,
    do,
    make_answered,
    make_office,
    make_photo,
    make_report,
)
from tests.factories.directory import TOWNSHIP, make_staff
from tests.factories.ledger import seal

WORDS = "我是东门社区三号楼的李梅，楼下烧烤摊每晚吵到两点"
REASON = "本人书面申请，《个人信息保护法》第四十七条"


def closed(office: Office, **changes: Any) -> actions.Received:
    """A report that was answered, rated and closed; every step with words in it."""
    received = make_answered(
        office,
        **{
            "text": WORDS,
            "place_text": "三号楼 402 李梅家楼下",
            "photos": [make_photo()],
            "idempotency_key": "0b6f7d52-8a34-4c1e-9d70-k1",
        }
        | changes,
    )
    actions.rate(receipt=received.receipt, rating=4, comment="李梅谢谢你们", by=RESIDENT)
    actions.follow_up(receipt=received.receipt, comment="后来又吵过一次", by=RESIDENT)
    do(received.case_id, "verify", office.dispatcher, note="李梅本人确认")
    do(received.case_id, "close", office.dispatcher)
    return received


def person_of(received: actions.Received) -> int:
    reporter = Report.objects.get(pk=received.report_id).reporter_id
    assert reporter is not None
    return reporter


def salts_of(*record_ids: int | None) -> set[str]:
    """The fields whose commitments in these records can still be opened."""
    wanted = [one for one in record_ids if one is not None]
    assert wanted
    return set(Salt.objects.filter(record_id__in=wanted).values_list("field", flat=True))


def everything_kept() -> str:
    """All text of the county's tables, as a thief of a dump would read it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        )
        texts = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


@pytest.mark.django_db(transaction=True)
def test_erasing_reaches_words_photos_notices_search_and_salts_and_the_proof_holds() -> None:
    office = make_office()
    received = closed(office)
    other = make_report(
        text="路灯不亮", place_text="西街", contact=Contact(name="赵六", phone="13900000006")
    )
    before = queries.progress(received.receipt)
    files = [Path(settings.MEDIA_ROOT) / row.path for row in Attachment.objects.all()]
    assert files
    assert all(path.exists() for path in files)
    assert "李梅" in everything_kept()
    assert Notice.objects.filter(title__contains="李梅").exists()
    entries = [bytes(row.entry) for row in Record.objects.order_by("id")]
    seal()

    directory.erase_person(person_id=person_of(received), reason=REASON, by=office.dispatcher)

    kept = everything_kept()
    for said in ("李梅", "烧烤", "三号楼", "后来又", "已清运", "13900000001"):
        assert said not in kept, said
    assert "赵六" not in kept  # in the vault, as ever
    assert "路灯不亮" in kept
    report = Report.objects.get(pk=received.report_id)
    assert report.erased_at is not None
    assert (report.lon, report.request_digest, report.idempotency_key) == (None, "", None)
    assert not any(path.exists() for path in files)
    assert not Attachment.objects.exists()
    theirs = [row.record_id for row in Act.objects.filter(case_id=received.case_id)]
    assert salts_of(*theirs) == set()
    assert "phone" in salts_of(other.record_id)
    # What the county must be able to account for.
    case = Case.objects.get(pk=received.case_id)
    assert (case.category, case.state, case.grid_code is not None) == ("GARBAGE", "CLOSED", True)
    assert (case.title, case.outcome) == (queries.category_name("GARBAGE"), "SOLVED")
    assert report.rating == "SATISFIED"
    assert report.replied_at is not None
    assert queries.replay_state(case.pk) == "CLOSED"
    erased = Act.objects.filter(case=case).order_by("-seq")[0]
    assert (erased.action, erased.data) == ("erase_words", {"reports": [report.pk]})
    answer = Act.objects.get(case=case, action="answer")
    assert answer.data == {"outcome": "SOLVED"}
    after = queries.progress(received.receipt)
    assert (after.text, after.erased_at, after.can_rate) == ("", report.erased_at, False)
    assert [step.at for step in after.steps] == [step.at for step in before.steps]
    # The ledger only grew, and verifies.
    seal()
    assert [bytes(row.entry) for row in Record.objects.order_by("id")][: len(entries)] == entries
    assert verify_database().ok


def test_it_is_refused_while_a_case_is_open(db: None) -> None:
    office = make_office()
    received = make_report(text=WORDS)
    person = person_of(received)
    with pytest.raises(actions.PersonHasOpenCases) as refused:
        directory.erase_person(person_id=person, reason=REASON, by=office.dispatcher)
    assert received.case_number in refused.value.zh
    assert received.case_number in refused.value.en
    assert Person.objects.get(pk=person).erased_at is None
    assert queries.person_holdings(person, office.dispatcher).open_cases == (received.case_number,)


def test_a_break_in_the_middle_changes_nothing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    office = make_office()
    received = closed(office)
    person = person_of(received)
    before, salts = everything_kept(), Salt.objects.count()

    def broken(**_given: Any) -> int:
        raise RuntimeError("the power went")

    monkeypatch.setattr("huying.cases.actions.erasing.notices.blank_notices", broken)
    with pytest.raises(RuntimeError):
        directory.erase_person(person_id=person, reason=REASON, by=office.dispatcher)
    assert Salt.objects.count() == salts
    assert sorted(everything_kept().split("\n")) == sorted(before.split("\n"))
    assert not AccessRecord.objects.exists()
    assert all((Path(settings.MEDIA_ROOT) / row.path).exists() for row in Attachment.objects.all())


def test_of_a_case_of_several_only_the_words_of_the_one_go(db: None) -> None:
    office = make_office()
    first = make_report(text=WORDS, place_text="三号楼")
    second = actions.join_report(
        by=RESIDENT,
        receipt=first.receipt,
        text="我家也被油烟熏得开不了窗",
        place_text="五号楼",
        contact=Contact(name="赵六", phone="13900000006"),
    )
    assert second.case_id == first.case_id
    actions.supplement(receipt=first.receipt, text="李梅补充一句", by=RESIDENT)
    actions.supplement(receipt=second.receipt, text="赵六补充一句", by=RESIDENT)
    do(first.case_id, "take", office.officer)
    do(first.case_id, "answer", office.officer, reply="已责令停业", outcome="SOLVED")
    do(first.case_id, "close", office.dispatcher)
    directory.erase_person(person_id=person_of(first), reason=REASON, by=office.dispatcher)

    acts = Act.objects.filter(case_id=first.case_id)
    added = [act.data for act in acts.filter(action="supplement").order_by("seq")]
    assert added == [{}, {"remark": "赵六补充一句"}]
    case = Case.objects.get(pk=first.case_id)
    assert (case.place_text, "李梅" in case.title) == ("五号楼", False)
    words = CaseWords.objects.get(pk=case.pk).words
    assert "烟熏" in words
    assert "烧烤" not in words
    theirs = queries.progress(second.receipt)
    assert (theirs.text, theirs.reply) == ("我家也被油烟熏得开不了窗", "已责令停业")
    assert {"name", "phone", "text"} <= salts_of(second.record_id)


def test_a_secret_report_beside_the_one_erased_stays_out_of_the_search(db: None) -> None:
    office = make_office()
    first = make_report(text=WORDS, place_text="三号楼")
    actions.join_report(
        by=RESIDENT, receipt=first.receipt, text="老板往河里倒油", secret=True, place_text="五号楼"
    )
    do(first.case_id, "take", office.officer)
    do(first.case_id, "answer", office.officer, reply="已责令停业", outcome="SOLVED")
    do(first.case_id, "close", office.dispatcher)
    directory.erase_person(person_id=person_of(first), reason=REASON, by=office.dispatcher)
    words = CaseWords.objects.get(pk=first.case_id).words
    for hidden in ("河里", "倒油", "五号", "烧烤"):
        assert hidden not in words


def test_of_the_case_of_another_the_notices_keep_their_title(db: None) -> None:
    office = make_office()
    first = make_report(text="路口积水漫过脚面")
    second = actions.join_report(
        by=RESIDENT,
        receipt=first.receipt,
        text="我是李梅，我家门口也是",
        contact=Contact(name="李梅", phone="13900000008"),
    )
    actions.withdraw(receipt=second.receipt, reason="李梅自己疏通了", by=RESIDENT)
    do(first.case_id, "take", office.officer)
    do(first.case_id, "answer", office.officer, reply="已疏通", outcome="SOLVED")
    do(first.case_id, "close", office.dispatcher)
    assert Notice.objects.filter(body__contains="李梅").exists()
    directory.erase_person(person_id=person_of(second), reason=REASON, by=office.dispatcher)
    told = Notice.objects.filter(subject=f"case:{first.case_id}")
    assert not told.exclude(body="").exists()
    assert told.filter(title__contains="积水").exists()
    assert "李梅" not in everything_kept()
    assert queries.progress(first.receipt).text == "路口积水漫过脚面"


def test_who_spoke_for_another_goes_alone(db: None) -> None:
    office = make_office()
    received = closed(
        office,
        on_behalf=True,
        submitter=Contact(name="孙七", phone="13900000007"),
    )
    report = Report.objects.get(pk=received.report_id)
    assert report.submitter_id is not None
    directory.erase_person(person_id=report.submitter_id, reason=REASON, by=office.dispatcher)
    report.refresh_from_db()
    assert (report.text, report.erased_at) == (WORDS, None)
    fields = salts_of(report.record_id)
    assert {"name", "text"} <= fields
    assert not any(field.startswith("submitter_") for field in fields)

    directory.erase_person(person_id=person_of(received), reason=REASON, by=office.dispatcher)
    report.refresh_from_db()
    assert report.text == ""


def test_a_case_split_off_keeps_no_title_of_the_one_erased(db: None) -> None:
    office = make_office()
    first = make_report(text=WORDS)
    second = actions.join_report(
        by=RESIDENT, receipt=first.receipt, text="我家也被油烟熏得开不了窗"
    )
    parted = actions.split(
        case_id=first.case_id, report_ids=[second.report_id], by=office.dispatcher
    )
    do(first.case_id, "withdraw", office.dispatcher, reason="本人来电撤回")
    directory.erase_person(person_id=person_of(first), reason=REASON, by=office.dispatcher)
    assert "李梅" not in Case.objects.get(pk=parted.case_id).title
    assert "李梅" not in str(queries.case_page(parted.case_id, office.dispatcher))


def test_only_who_may_and_only_within_reach(db: None) -> None:
    office = make_office()
    received = closed(office)
    person = person_of(received)
    for by in (office.clerk, office.officer, office.head, office.leader, office.auditor):
        with pytest.raises(NotAllowed):
            directory.erase_person(person_id=person, reason=REASON, by=by)
    Case.objects.filter(pk=received.case_id).update(division_code="990101002001")
    township = make_staff(Role.DISPATCHER, division=TOWNSHIP)
    assert queries.person_holdings(person, township).out_of_reach
    with pytest.raises(NotAllowed, match="辖区"):
        directory.erase_person(person_id=person, reason=REASON, by=township)
    with pytest.raises(directory.PurposeMissing):
        directory.erase_person(person_id=person, reason="删", by=office.dispatcher)
    directory.erase_person(person_id=person, reason=REASON, by=office.dispatcher)
    with pytest.raises(directory.PersonMissing):
        directory.erase_person(person_id=person, reason=REASON, by=office.dispatcher)


def test_nothing_more_is_said_in_the_name_of_one_erased(db: None) -> None:
    office = make_office()
    received = closed(office)
    directory.erase_person(person_id=person_of(received), reason=REASON, by=office.dispatcher)
    with pytest.raises(actions.ReportErased):
        actions.follow_up(receipt=received.receipt, comment="再说一句", by=RESIDENT)
    # The matter itself may still be taken up again, and answered.
    do(received.case_id, "reopen", office.dispatcher, reason="督办发现没有办好")
    do(received.case_id, "take", office.officer)
    do(received.case_id, "answer", office.officer, reply="已重新清运", outcome="SOLVED")


def test_the_database_keeps_an_erased_report_empty(db: None) -> None:
    office = make_office()
    received = closed(office)
    directory.erase_person(person_id=person_of(received), reason=REASON, by=office.dispatcher)
    for column, value in (("text", "又写回来"), ("phone_lat", 1.0), ("request_digest", "x")):
        with pytest.raises(IntegrityError, match="report_erased_is_empty"), transaction.atomic():
            Report.objects.filter(pk=received.report_id).update(**{column: value})
