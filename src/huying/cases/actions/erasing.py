"""Forgetting a person (PIPL 47): the words go, the county's account of what it did stays.

What stays: category, place down to the grid, times, procedure, acts by their codes, outcome,
rating, counts; and the ledger, whose commitments nobody can open any more. This is the one
place where a finished act is written to again.
"""

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import override

from huying.cases.actions import writing
from huying.cases.actions.files import remove_files
from huying.cases.actions.noting import noted
from huying.cases.models import Act, Attachment, Case, Report
from huying.cases.queries import dictionary
from huying.cases.queries.facts import case_records, may_see
from huying.cases.queries.holdings import Scope, scope_of
from huying.cases.rules.words import searchable, words_of
from huying.directory.permissions import Actor, DomainError, NotAllowed
from huying.ledger import actions as ledger
from huying.ledger import queries as ledger_queries
from huying.notices import actions as notices

SPOKEN: Final = ("submitter_name", "submitter_phone", "submitter_id_number", "submitter_address")
_BLANK: Final[dict[str, Any]] = {
    "text": "",
    "place_text": "",
    "lon": None,
    "lat": None,
    "phone_lon": None,
    "phone_lat": None,
    "reply": "",
    "rating_comment": "",
    "follow_up": "",
    # An unsalted digest of everything that was said.
    "request_digest": "",
    "idempotency_key": None,
}


class PersonHasOpenCases(DomainError):
    """Somebody whose matter is still being dealt with cannot be erased yet."""

    code = "PERSON_HAS_OPEN_CASES"
    status = 409


def erase_reporter(*, person_id: int, by: Actor, now: datetime | None = None) -> None:
    """Blank what this person said, and destroy the salts of the commitments to it.

    In the transaction of `directory.actions.erase_person`. Raises PersonHasOpenCases, and
    NotAllowed where a case lies outside what the actor may see.
    """
    now = now or timezone.now()
    scope = scope_of(person_id)
    mine = Report.objects.filter(pk__in=scope.reports | scope.spoken)
    records = case_records(list(mine.values_list("case_id", flat=True)), lock=True)
    numbers = [record.facts.number for record in records if record.closed_at is None]
    if numbers:
        listed = "、".join(numbers)
        raise PersonHasOpenCases(
            f"此人还有事项没有办结（{listed}），办理期间依法要保存其信息，现在不能删除。"
            "办结后再来删除；本人不想再办的，可以先撤回。",
            f"Cases of this person are still open ({', '.join(numbers)}); the law keeps their data "
            "until these are closed. Come back then, or withdraw them first.",
        )
    if not all(may_see(by, record.facts) for record in records):
        raise NotAllowed(
            zh="此人在您的辖区以外也有事项，请由县综治中心办理。",
            en="This person has cases outside your territory: ask the county's governance centre.",
        )
    _forget_salts(scope)
    for record in records:
        theirs = {report.id for report in record.facts.reports} & scope.reports
        if theirs:
            noted(record, "erase_words", by, now, data={"reports": sorted(theirs)})
    _blank_acts(scope)
    _remove_files(scope)
    mine.filter(pk__in=scope.reports).update(**_BLANK, erased_at=now)
    _blank_cases(scope)
    _index_anew(scope)
    named = scope.whole | scope.titled
    notices.blank_notices(
        subjects=[f"case:{case_id}" for case_id in named], title="内容已依法删除", by=by
    )
    notices.blank_notices(subjects=[f"case:{case_id}" for case_id in scope.cases - named], by=by)


def _forget_salts(scope: Scope) -> None:
    acts = Act.objects.filter(scope.words).values_list("record_id", flat=True)
    own = {record_id for record_id in acts if record_id}
    for case_id in scope.cases:
        own.update(
            row.id
            for row in ledger_queries.records_of(f"case:{case_id}")
            if case_id in scope.whole
            or row.body.get("report") in scope.reports
            or (case_id in scope.titled and row.body.get("split_from"))
        )
    # Who spoke for somebody is another person, who did not ask to be forgotten.
    both = set(
        Report.objects.filter(pk__in=scope.reports, submitter__isnull=False)
        .exclude(reporter__isnull=True)
        .values_list("record_id", flat=True)
    )
    ledger.erase_personal(record_ids=own - both)
    ledger.erase_personal(record_ids=own & both, but=SPOKEN)
    spoken = Report.objects.filter(pk__in=scope.spoken).values_list("record_id", flat=True)
    ledger.erase_personal(record_ids=[one for one in spoken if one], only=SPOKEN)


def _blank_acts(scope: Scope) -> None:
    """Of an act stays what the ledger published of it: codes, units, times."""
    acts = list(Act.objects.filter(scope.words).only("id", "data", "record_id"))
    published = ledger_queries.records_by_id([one.record_id for one in acts if one.record_id])
    for act in acts:
        body: Any = published[act.record_id].body if act.record_id else {}
        open_names = {*body.get("data", {}), *body.get("more", {}), *body}
        act.data = {name: value for name, value in act.data.items() if name in open_names}
        act.note, act.told = "", None
    Act.objects.bulk_update(acts, ["data", "note", "told"], batch_size=500)


def _remove_files(scope: Scope) -> None:
    files = Attachment.objects.filter(scope.words)
    paths = [path for row in files.values_list("path", "thumbnail") for path in row if path]
    files.delete()
    # The files go when it is certain that nothing refers to them any more.
    transaction.on_commit(lambda: remove_files(paths))


def _blank_cases(scope: Scope) -> None:
    for case in Case.objects.filter(pk__in=scope.titled | scope.whole):
        rest = Report.objects.filter(case_id=case.pk, erased_at__isnull=True).order_by("id").first()
        with override("zh-hans"):
            case.title = dictionary.category_name(case.category) or "诉求"
        case.summary = ""
        # What others told of the place is theirs to keep.
        case.place_text = rest.place_text if rest else ""
        case.lon, case.lat = (rest.lon, rest.lat) if rest else (None, None)
        case.pending = {}
        case.save(update_fields=["title", "summary", "place_text", "lon", "lat", "pending"])


def _index_anew(scope: Scope) -> None:
    """The words that searches find a case by, from what is left of it."""
    rows = Case.objects.filter(pk__in=scope.cases).prefetch_related("reports")
    for case in rows:
        said = searchable(
            (case.title, case.summary, case.place_text),
            [(one.text, one.place_text, one.secret) for one in case.reports.all()],
        )
        writing.index_anew(case.pk, words_of(said))
