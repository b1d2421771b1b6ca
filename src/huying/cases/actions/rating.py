"""What residents do by their receipt: rate, add to the rating, add to the report, take it back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from huying.cases import events
from huying.cases.actions.acting import ActionNotOffered, NeedsField, take_step
from huying.cases.actions.files import store_photos, stored
from huying.cases.actions.results import Acted, Rated, Upload
from huying.cases.actions.tallying import happened
from huying.cases.models import Attachment, CaseTally, Clock, Measure, Report
from huying.cases.queries.facts import ReportNotFound, case_record
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.rules import receipts
from huying.cases.rules.vocabulary import BAD_RATINGS, Rating, ReportState
from huying.directory.permissions import Actor, DomainError
from huying.ledger import actions as ledger

LONGEST_COMMENT: Final = 1_000
_BY_NUMBER: Final = dict(zip(range(5, 0, -1), Rating.values, strict=True))


class AlreadyRated(DomainError):
    """One report is rated once (一次一评); a comment can follow."""

    code = "ALREADY_RATED"
    status = 409


class ReportErased(DomainError):
    """The person was erased; nothing more can be said in their name."""

    code = "REPORT_ERASED"
    status = 410


class NotYetAnswered(DomainError):
    """There is nothing to rate yet."""

    code = "NOT_YET_ANSWERED"
    status = 409


def rate(
    *,
    receipt: str,
    rating: str | int,
    by: Actor,
    comment: str = "",
    now: datetime | None = None,
) -> Rated:
    """Rate the answer to one report: a code of `Rating`, or 5 (very satisfied) … 1.

    A bad rating owes a callback: its clock starts and the governance centre is told. Raises
    ReportNotFound, NotYetAnswered, AlreadyRated, NeedsField.
    """
    now = now or timezone.now()
    level = _BY_NUMBER.get(rating, "") if isinstance(rating, int) else rating
    if level not in Rating.values:
        raise NeedsField(
            "请从非常满意、满意、基本满意、不满意、非常不满意中选一个。",
            "Choose one of the five levels.",
            field="rating",
        )
    comment = _comment(comment)
    with transaction.atomic():
        report = _report(receipt)
        if report.rating:
            raise AlreadyRated(
                "您已经评价过了。还有话要说，可以追评。",
                "You have rated this already; you may add a comment.",
            )
        if report.replied_at is None:
            raise NotYetAnswered(
                "还没有答复，答复以后就可以评价。",
                "There is no answer yet; it can be rated once there is.",
            )
        record = case_record(report.case_id)
        procedure = procedure_of(record.procedure, record.procedure_version)
        if procedure.ratings is None:
            raise NotYetAnswered("这类事项不用评价。", "Such a matter is not rated.")
        bad = level in BAD_RATINGS
        # First of all: who comes second finds it rated, whatever else happens.
        state = ReportState.CALLBACK if bad else ReportState.RATED
        changed = Report.objects.filter(pk=report.pk, rating="").update(
            rating=level, rating_comment=comment, rated_at=now, state=state
        )
        if not changed:
            raise AlreadyRated("您已经评价过了。", "You have rated this already.")
        acted = take_step(
            case_id=report.case_id,
            action=procedure.ratings.bad if bad else procedure.ratings.good,
            by=by,
            version=None,
            note="",
            data={},
            files=(),
            report_id=report.pk,
            now=now,
            more={"rating": level},
            personal={"comment": comment} if comment else {},
        )
        CaseTally.objects.create(
            **happened(Measure.RATED, procedure.procedure, record.facts, now, level)
        )
        due = (
            Clock.objects.filter(
                case_id=report.case_id, report_id=report.pk, stopped_at__isnull=True, started_at=now
            )
            .order_by("due_at")
            .values_list("due_at", flat=True)
            .first()
            if bad
            else None
        )
        events.report_rated.send(
            sender=events.ReportRated,
            event=events.ReportRated(report.pk, report.case_id, level),
        )
    return Rated(
        report_id=report.pk,
        case_id=report.case_id,
        rating=level,
        state=acted.state,
        callback_due_at=due,
        record_id=acted.record_id,
    )


def follow_up(*, receipt: str, comment: str, by: Actor, now: datetime | None = None) -> int:
    """追评: one more comment after the rating. Returns the id of its ledger record."""
    now = now or timezone.now()
    comment = _comment(comment)
    if not comment:
        raise NeedsField("请写下您想说的话。", "Please write your comment.", field="comment")
    with transaction.atomic():
        report = _report(receipt)
        if not report.rating:
            raise NotYetAnswered("请先评价，再追评。", "Rate it first, then add a comment.")
        changed = Report.objects.filter(pk=report.pk, follow_up="").update(
            follow_up=comment, followed_up_at=now
        )
        if not changed:
            raise AlreadyRated("您已经追评过了。", "You have already added a comment.")
        return ledger.record(
            kind="report.follow_up",
            subject=f"case:{report.case_id}",
            by=by.ref,
            at=now,
            body={"report": report.pk},
            personal={"comment": comment},
        )


def supplement(
    *,
    receipt: str,
    text: str,
    by: Actor,
    photos: Sequence[Upload] = (),
    now: datetime | None = None,
) -> Acted:
    """Add to a report that is being worked on; its unit is told."""
    report = _report(receipt)
    if report.state == ReportState.WITHDRAWN:
        raise ActionNotOffered(
            "这件诉求您已经撤回，不能再补充。有新情况请重新反映。",
            "You have withdrawn this report; please make a new one.",
        )
    with stored(store_photos(photos)) as files:
        return take_step(
            case_id=report.case_id,
            action="supplement",
            by=by,
            version=None,
            note=text,
            data={},
            files=files,
            report_id=report.pk,
            now=now or timezone.now(),
        )


def withdraw(*, receipt: str, reason: str, by: Actor, now: datetime | None = None) -> Acted:
    """撤回: the reporter wants no answer any more.

    The case ends with it, unless others reported the same. Raises ReportNotFound and
    ActionNotOffered (answered already, or closed).
    """
    report = _report(receipt)
    record = case_record(report.case_id)
    procedure = procedure_of(record.procedure, record.procedure_version)
    return take_step(
        case_id=report.case_id,
        action=procedure.withdrawal,
        by=by,
        version=None,
        note=reason,
        data={},
        files=(),
        report_id=report.pk,
        now=now or timezone.now(),
    )


def add_report_photo(*, receipt: str, file: Upload, by: Actor, now: datetime | None = None) -> int:
    """One more photograph to a report, by its receipt; returns the attachment's id."""
    acted = supplement(receipt=receipt, text="补充了一张照片", by=by, photos=[file], now=now)
    return int(Attachment.objects.filter(act_id=acted.act_id).values_list("pk", flat=True)[0])


def _comment(text: str) -> str:
    text = text.replace("\x00", "").strip()
    if len(text) > LONGEST_COMMENT:
        raise NeedsField(
            f"请控制在 {LONGEST_COMMENT} 字以内。",
            f"Keep it under {LONGEST_COMMENT} characters.",
            field="comment",
        )
    return text


def _report(receipt: str) -> Report:
    report = Report.objects.filter(receipt=receipts.read(receipt) or "-").first()
    if report is None:
        raise ReportNotFound
    if report.erased_at is not None:
        raise ReportErased(
            "这件诉求的内容已依法删除，不能再补充或评价。有新情况请重新反映。",
            "The words of this report were erased; please make a new report.",
        )
    return report
