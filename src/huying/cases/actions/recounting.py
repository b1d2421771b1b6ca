"""Cases derived anew from their acts, and what differs from what is kept.

Derived, and so written anew on request: a clock's due time, a case's earliest due time, the
number of its reports. Not derived, and so only named: acts that do not follow from
one another, acts the ledger tells otherwise, a state the acts do not lead to, a file that is gone.
In batches; others may be at work.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max

from huying.cases.actions import writing
from huying.cases.models import Act, Attachment, Case, Clock, Report
from huying.cases.queries.facts import ticking
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.rules import clocks as clockwork
from huying.cases.rules import engine
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.procedure import Procedure
from huying.directory import queries as directory
from huying.directory.permissions import Actor
from huying.ledger import actions as ledger
from huying.ledger import queries as sealed
from huying.ledger.queries import Difference
from huying.standards.working_days import WorkingCalendar

BATCH: Final = 500
Progress = Callable[[int, int], None]


def recount_cases(
    *, by: Actor, repair: bool = False, progress: Progress | None = None
) -> Iterator[Difference]:
    """Each case against its acts, clocks, reports and the ledger; yields what differs."""
    last = 0
    newest = Case.objects.aggregate(newest=Max("pk"))["newest"] or 0
    calendar = directory.working_calendar()
    while ids := list(
        Case.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]
    ):
        last = ids[-1]
        suspects = [
            case.row["id"] for case in _read(ids) if next(iter(_differences(case, calendar)), None)
        ]
        if suspects:
            yield from _look_again(suspects, calendar, repair=repair, by=by)
        if progress is not None:
            progress(last, newest)


def _look_again(
    ids: Sequence[int], calendar: WorkingCalendar, *, repair: bool, by: Actor
) -> list[Difference]:
    """The same under lock: what somebody was writing while we read is no difference."""
    with transaction.atomic():
        list(Case.objects.select_for_update().filter(pk__in=ids).order_by("pk").values("pk"))
        cases = _read(ids)
        found = [(case, one) for case in cases for one in _differences(case, calendar)]
        if repair:
            _repair([case for case, one in found if one.kind in _REPAIRED], calendar, by)
    return [replace(one, repaired=repair and one.kind in _REPAIRED) for _case, one in found]


@dataclass(slots=True)
class _Case:
    row: dict[str, Any]
    procedure: Procedure
    acts: list[dict[str, Any]]
    clocks: list[Ticking]
    reports: int
    moved: frozenset[int]  # reports whose clocks may have begun under another case's acts
    records: dict[int, sealed.RecordRow]


_ROW: Final = (
    "id", "number", "state", "version", "procedure", "procedure_version", "closed_at", "due_at",
    "due_clock", "due_provisional", "report_count", "merged_into_id",
)  # fmt: skip
_ACT: Final = ("case_id", "seq", "action", "from_state", "to_state", "at", "record_id")


def _read(ids: Sequence[int]) -> list[_Case]:
    rows = list(Case.objects.filter(pk__in=ids).order_by("pk").values(*_ROW))
    acts, clocks = defaultdict(list), defaultdict(list)
    for act in Act.objects.filter(case_id__in=ids).order_by("case_id", "seq").values(*_ACT):
        acts[act["case_id"]].append(act)
    for clock in Clock.objects.filter(case_id__in=ids).order_by("pk").values():
        clocks[clock["case_id"]].append(ticking(clock))
    reports = Report.objects.filter(case_id__in=ids)
    counts = dict(reports.values("case_id").annotate(n=Count("pk")).values_list("case_id", "n"))
    moved = frozenset(reports.exclude(earlier=[]).values_list("pk", flat=True))
    records = sealed.records_by_id(
        act["record_id"] for some in acts.values() for act in some if act["record_id"]
    )
    return [
        _Case(
            row,
            procedure_of(row["procedure"], row["procedure_version"]),
            acts[row["id"]],
            clocks[row["id"]],
            counts.get(row["id"], 0),
            moved,
            records,
        )
        for row in rows
    ]


def _differences(case: _Case, calendar: WorkingCalendar) -> list[Difference]:
    number = case.row["number"]
    found = [
        Difference(kind, number, f"事项{zh}", f"the case {en}") for kind, zh, en in _of_acts(case)
    ]
    found += _of_clocks(case, calendar)
    if case.row["report_count"] != case.reports:
        found.append(
            Difference(
                "REPORT_COUNT",
                number,
                f"事项记有 {case.row['report_count']} 件诉求，实有 {case.reports} 件",
                f"the case counts {case.row['report_count']} reports and has {case.reports}",
            )
        )
    if case.row["merged_into_id"] and case.reports:
        found.append(
            Difference(
                "REPORT_LEFT_BEHIND",
                number,
                "已并入其他事项，却还留有诉求",
                "the case was merged, yet a report still belongs to it",
            )
        )
    return found


def _of_acts(case: _Case) -> Iterator[tuple[str, str, str]]:
    row, acts = case.row, case.acts
    if [act["seq"] for act in acts] != list(range(1, row["version"] + 1)):
        yield "ACT_MISSING", "的办理记录有缺号", "lacks an act"
        return
    try:
        state = engine.replay(
            case.procedure, ((act["action"], act["from_state"], act["to_state"]) for act in acts)
        )
    except engine.BrokenHistory as error:
        yield "HISTORY_BROKEN", f"的办理记录前后不接：{error}", f"has a broken history: {error}"
        return
    if state != row["state"]:
        yield (
            "STATE",
            f"的状态是 {row['state']}，办理记录推出的是 {state}",
            f"is {row['state']}; its acts make it {state}",
        )
    if case.procedure.is_final(state) != (row["closed_at"] is not None):
        yield "CLOSED_AT", "的办结时间与状态不符", "has a closing time that does not fit its state"
    for act in acts:
        yield from _of_record(act, case.records.get(act["record_id"]))


def _of_record(
    act: dict[str, Any], record: sealed.RecordRow | None
) -> Iterator[tuple[str, str, str]]:
    where = f"第 {act['seq']} 步", f"act {act['seq']}"
    if record is None:
        yield "ACT_UNSEALED", f"的{where[0]}没有存证", f"has no record of {where[1]}"
        return
    body = record.body
    told = body.get("action", act["action"]), body.get("seq", act["seq"])
    if told != (act["action"], act["seq"]) and "merged" not in body:
        yield (
            "ACT_CHANGED",
            f"的{where[0]}与存证不符（存证为 {told[0]}）",
            f"has {where[1]} otherwise than sealed ({told[0]})",
        )


def _of_clocks(case: _Case, calendar: WorkingCalendar) -> list[Difference]:
    number, found = case.row["number"], []
    moments = {act["at"] for act in case.acts}
    for clock in case.clocks:
        ends = {clock.started_at, clock.stopped_at or clock.started_at}
        if clock.report_id not in case.moved and not ends <= moments:
            found.append(
                Difference(
                    "CLOCK_WITHOUT_ACT",
                    f"{number} {clock.name}",
                    "时限的起止没有对应的办理记录",
                    "the clock starts or stops with no act",
                )
            )
        counted = _counted(case, clock, calendar)
        if (counted.due_at, counted.provisional) != (clock.due_at, clock.provisional):
            found.append(
                Difference(
                    "CLOCK_DUE",
                    f"{number} {clock.name}",
                    f"时限到期应为 {counted.due_at.isoformat()}，记的是 {clock.due_at.isoformat()}",
                    f"the clock is due {counted.due_at.isoformat()}, "
                    f"not {clock.due_at.isoformat()}",
                )
            )
    if _kept_due(case) != _due(case.clocks):
        found.append(
            Difference(
                "CASE_DUE",
                number,
                "事项的到期时间不是最早的时限",
                "the case's due time is not that of its earliest clock",
            )
        )
    return found


def _counted(case: _Case, clock: Ticking, calendar: WorkingCalendar) -> Ticking:
    """A clock that stopped is history: it was counted by the calendar of its day."""
    if clock.stopped_at is not None:
        return clock
    return clockwork.recount(clock, case.procedure.clocks.get(clock.name), calendar)


def _due(clocks: Sequence[Ticking]) -> tuple[datetime | None, str, bool]:
    first = clockwork.earliest(clocks)
    return (first.due_at, first.name, first.provisional) if first else (None, "", False)


def _kept_due(case: _Case) -> tuple[datetime | None, str, bool]:
    row = case.row
    return row["due_at"], row["due_clock"], row["due_provisional"]


_REPAIRED: Final = ("CLOCK_DUE", "CASE_DUE", "REPORT_COUNT")


def _repair(cases: Sequence[_Case], calendar: WorkingCalendar, by: Actor) -> None:
    if not cases:
        return
    every = {case.row["id"]: case for case in cases}
    turned = []
    for case_id, case in every.items():
        for clock in case.clocks:
            counted = _counted(case, clock, calendar)
            if counted != clock:
                turned.append(writing.clock_row(counted, case_id))
        Case.objects.filter(pk=case_id).update(report_count=case.reports)
    if turned:
        writing.turn(turned)
    writing.refresh_due(list(every))
    ledger.record(
        kind="case.recounted",
        subject="cases",
        by=by.ref,
        body={"cases": [case.row["number"] for case in every.values()]},
    )


def recount_files(*, progress: Progress | None = None) -> Iterator[Difference]:
    """Each attachment: its file is there, and it is what was stored."""
    last, done, count = 0, 0, Attachment.objects.count()
    columns = ("pk", "path", "thumbnail", "sha256", "size")
    while rows := list(
        Attachment.objects.filter(pk__gt=last).order_by("pk").values_list(*columns)[:BATCH]
    ):
        for pk, path, thumbnail, digest, size in rows:
            file = Path(settings.MEDIA_ROOT) / path
            if not file.is_file():
                yield Difference("FILE_MISSING", path, "附件不在磁盘上", "the file is gone")
            elif file.stat().st_size != size or _sha256(file) != digest:
                yield Difference("FILE_CHANGED", path, "附件内容变了", "the file was changed")
            if thumbnail and not (Path(settings.MEDIA_ROOT) / thumbnail).is_file():
                yield Difference(
                    "THUMBNAIL_MISSING", thumbnail, "缩略图不在磁盘上", "the thumbnail is gone"
                )
            last, done = pk, done + 1
        if progress is not None:
            progress(done, count)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
