"""What of some cases is not as their acts make it: the tables beside what `retracing` finds."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from huying.cases.actions.opening import RESPONSIBILITY
from huying.cases.models import Act, AssistingUnit, Case, Clock, Report
from huying.cases.queries.facts import ticking
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.rules import clocks as clockwork
from huying.cases.rules.changing import changed
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.retracing import Hop, PastAct, PastCase, Retraced, Trace
from huying.directory import queries as directory
from huying.ledger import queries as sealed
from huying.ledger.queries import Difference, RecordRow
from huying.standards.working_days import WorkingCalendar

_ROW: Final = (
    "id", "number", "state", "version", "procedure", "procedure_version", "kind", "category",
    "urgency", "grid_code", "division_code", "lead_organisation_id", "officer_id", "outcome",
    "supervised", "true_alarm", "people_involved", "pending", "created_at", "updated_at",
    "closed_at", "due_at", "due_clock", "due_provisional", "report_count", "merged_into_id",
)  # fmt: skip
_TURNS: Final = ("stopped_at", "paused_at", "pauses", "extensions", "limit", "article")
# What of a case its acts alone decide.
_FACTS: Final = (
    "category", "urgency", "lead_organisation_id", "officer_id", "outcome", "supervised",
    "true_alarm", "people_involved",
)  # fmt: skip


class _Act(NamedTuple):
    case_id: int
    seq: int
    action: str
    from_state: str
    to_state: str
    at: datetime
    data: dict[str, Any]
    report_id: int | None
    account_id: int | None
    actor_ref: str
    record_id: int | None


class _Report(NamedTuple):
    case_id: int
    id: int
    state: str
    rating: str
    replied_at: datetime | None
    rated_at: datetime | None
    earlier: list[list[int]]
    since_seq: int


@dataclass(slots=True)
class Stored:
    """One case as the tables have it."""

    row: dict[str, Any]
    acts: list[_Act] = field(default_factory=list)
    reports: list[_Report] = field(default_factory=list)
    assisting: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Today:
    """The calendar clocks are counted by now, and since when its years are known."""

    calendar: WorkingCalendar
    imported: Mapping[int, datetime]

    @classmethod
    def read(cls) -> "Today":
        return cls(directory.working_calendar(), directory.calendar_imports())

    def differs_from_the_day_of(self, clock: Ticking) -> bool:
        """Whether a clock that ended was counted by another calendar: by a guess, or before a
        year that it touches was imported (again)."""
        if clock.stopped_at is None:
            return False
        return clock.provisional or any(
            at > clock.stopped_at
            for year, at in self.imported.items()
            if clock.started_at.year <= year <= clock.due_at.year + 1
        )


class Batch:
    """Cases with all that reports came from and went to, gone through from their acts."""

    def __init__(
        self,
        stored: dict[int, Stored],
        clocks: Sequence[tuple[int, Ticking]],
        records: Mapping[int, RecordRow],
        uncounted: set[int],
        today: Today,
    ) -> None:
        self.stored, self.records, self.today = stored, records, today
        self.place_of = {clock.id: case_id for case_id, clock in clocks}
        routes = {
            report.id: [
                *(Hop(*hop) for hop in report.earlier),
                Hop(report.case_id, report.since_seq, None),
            ]
            for one in stored.values()
            for report in one.reports
        }
        self.retraced = Retraced(
            (_past(one, uncounted) for one in stored.values()),
            routes,
            clocks,
            today.calendar,
            today.differs_from_the_day_of,
        )
        self.retraced.run()
        self._left_over: dict[int, list[Ticking]] = defaultdict(list)
        for clocks_left in self.retraced.kept.values():
            for clock in clocks_left:
                self._left_over[self.place_of[clock.id]].append(clock)

    def trace(self, case_id: int) -> Trace:
        return self.retraced.traces[case_id]

    def without_act(self, case_id: int) -> list[Ticking]:
        """Stored clocks that no act of the case started."""
        return self._left_over.get(case_id, [])

    def clocks_of(self, case_id: int) -> Iterator[tuple[Ticking, Ticking | None]]:
        """Each clock as the acts make it, and as it is stored."""
        trace = self.trace(case_id)
        for clock in trace.clocks:
            yield clock, trace.kept[clock.id or 0]

    def counted(self, clock: Ticking, kept: Ticking) -> Ticking:
        """The clock as the acts make it; its due time as it was counted in its day."""
        if self.today.differs_from_the_day_of(kept):
            return changed(
                clock, due_at=kept.due_at, provisional=kept.provisional, warn_at=kept.warn_at
            )
        return clock

    def turned_otherwise(self, case_id: int, clock: Ticking, kept: Ticking) -> bool:
        """Whether it stopped, paused, ran out or was lengthened otherwise than the acts say."""
        return self.place_of[kept.id] != case_id or any(
            getattr(clock, name) != getattr(kept, name)
            for name in (*_TURNS, *(["escalated_at"] if self.tells_end(case_id, clock) else []))
        )

    def tells_end(self, case_id: int, clock: Ticking) -> bool:
        """Whether the acts tell when this clock ran out."""
        return self.trace(case_id).notes_end(clock)

    def due_otherwise(self, clock: Ticking, kept: Ticking) -> bool:
        counted = self.counted(clock, kept)
        return (counted.due_at, counted.provisional, counted.warn_at) != (
            kept.due_at,
            kept.provisional,
            kept.warn_at,
        )

    def differs(self, case_id: int, clock: Ticking, kept: Ticking) -> bool:
        return self.turned_otherwise(case_id, clock, kept) or self.due_otherwise(clock, kept)


def _past(one: Stored, uncounted: set[int]) -> PastCase:
    row = one.row
    return PastCase(
        id=row["id"],
        number=row["number"],
        procedure=procedure_of(row["procedure"], row["procedure_version"]),
        kind=row["kind"],
        grid_code=row["grid_code"],
        division_code=row["division_code"],
        created_at=row["created_at"],
        acts=[
            PastAct(
                act.seq,
                act.action,
                act.from_state,
                act.to_state,
                act.at,
                act.data,
                act.report_id,
                act.account_id,
                act.actor_ref == RESPONSIBILITY.ref,
                act.record_id not in uncounted,
            )
            for act in one.acts
        ],
    )


def read_batch(ids: Sequence[int], today: Today, snapshot: str) -> Batch:
    """These cases, with those that reports came from or went to. Of acts that `snapshot` did not
    see the counts need not know."""
    stored: dict[int, Stored] = {}
    wanted = set(ids)
    while wanted:
        found = {row["id"]: Stored(row) for row in Case.objects.filter(pk__in=wanted).values(*_ROW)}
        stored |= found
        wanted = _read_into(found) - stored.keys()
    for case_id, unit in AssistingUnit.objects.filter(case__in=stored).values_list(
        "case_id", "organisation_id"
    ):
        stored[case_id].assisting.add(unit)
    clocks = [
        (row["case_id"], ticking(row))
        for row in Clock.objects.filter(case_id__in=stored).order_by("id").values()
    ]
    mine = [act.record_id for one in ids if one in stored for act in stored[one].acts]
    known = [one for one in mine if one]
    return Batch(
        stored,
        clocks,
        sealed.records_by_id(known),
        sealed.written_since(known, snapshot),
        today,
    )


def _read_into(found: dict[int, Stored]) -> set[int]:
    """Read acts and reports of these cases; the cases they exchanged reports with."""
    elsewhere: set[int] = set()
    numbers: set[str] = set()
    acts = Act.objects.filter(case_id__in=found).order_by("case_id", "seq")
    for act in map(_Act._make, acts.values_list(*_Act._fields).iterator(chunk_size=10_000)):
        found[act.case_id].acts.append(act)
        if act.action in {"merge", "split"}:
            numbers.add(act.data.get("into", ""))
        elif act.action == "absorb":
            numbers.update(act.data.get("merged", ()))
    reports = Report.objects.filter(case_id__in=found).order_by("id")
    for report in map(_Report._make, reports.values_list(*_Report._fields)):
        found[report.case_id].reports.append(report)
        elsewhere.update(hop[0] for hop in report.earlier)
    if numbers:
        named = Case.objects.filter(number__in=numbers)
        elsewhere.update(named.values_list("pk", flat=True))
    return elsewhere


def differences(batch: Batch, case_id: int) -> Iterator[Difference]:
    """What is not as the acts of the case make it."""
    one, trace = batch.stored[case_id], batch.trace(case_id)
    number = one.row["number"]
    for kind, zh, en in _of_acts(one, trace, batch.records):
        yield Difference(kind, number, f"事项{zh}", f"the case {en}")
    if one.row["report_count"] != len(one.reports):
        yield Difference(
            "REPORT_COUNT",
            number,
            f"事项记有 {one.row['report_count']} 件诉求，实有 {len(one.reports)} 件",
            f"the case counts {one.row['report_count']} reports and has {len(one.reports)}",
        )
    if one.row["merged_into_id"] and one.reports:
        yield Difference(
            "REPORT_LEFT_BEHIND",
            number,
            "已并入其他事项，却还留有诉求",
            "the case was merged, yet a report still belongs to it",
        )
    if not trace.broken:
        for kind, zh, en in _of_outcome(one, trace):
            yield Difference(kind, number, f"事项{zh}", f"the case {en}")
        yield from _of_clocks(batch, case_id)


def _of_acts(
    one: Stored, trace: Trace, records: Mapping[int, RecordRow]
) -> Iterator[tuple[str, str, str]]:
    if [act.seq for act in one.acts] != list(range(1, one.row["version"] + 1)):
        yield "ACT_MISSING", "的办理记录有缺号", "lacks an act"
    elif trace.broken:
        yield (
            "HISTORY_BROKEN",
            f"的办理记录前后不接：{trace.broken}",
            f"has a broken history: {trace.broken}",
        )
    for act in one.acts:
        yield from _of_record(act, records.get(act.record_id or 0))


def _of_record(act: _Act, record: RecordRow | None) -> Iterator[tuple[str, str, str]]:
    if record is None:
        yield "ACT_UNSEALED", f"的第 {act.seq} 步没有存证", f"has no record of act {act.seq}"
        return
    body: Mapping[str, Any] = record.body
    done = {"action": act.action, "seq": act.seq, "from": act.from_state, "to": act.to_state}
    done |= {name: act.data.get(name) for name in ("clocks", "merged", "into")}
    told = {name: body.get(name, done[name]) for name in done}
    data = {**body.get("data", {}), **body.get("more", {})}
    if (
        told != done
        or record.at != act.at
        or any(act.data.get(name) != value for name, value in data.items())
    ):
        yield (
            "ACT_CHANGED",
            f"的第 {act.seq} 步与存证不符（存证为 {told['action']}）",
            f"has act {act.seq} otherwise than sealed ({told['action']})",
        )


def _of_outcome(one: Stored, trace: Trace) -> Iterator[tuple[str, str, str]]:
    row, facts = one.row, trace.facts
    if facts.state != row["state"]:
        yield (
            "STATE",
            f"的状态是 {row['state']}，办理记录推出的是 {facts.state}",
            f"is {row['state']}; its acts make it {facts.state}",
        )
    if trace.closed_at != row["closed_at"]:
        yield "CLOSED_AT", "的办结时间与办理记录不符", "has a closing time its acts do not give it"
    wrong = [name for name in _FACTS if getattr(facts, name) != row[name]]
    if facts.assisting_ids != one.assisting:
        wrong.append("assisting")
    if trace.open and _seqs(facts.pending) != _seqs(row["pending"]):
        wrong.append("pending")
    if one.acts[-1].at != row["updated_at"]:
        wrong.append("updated_at")
    if wrong:
        names = ", ".join(wrong)
        yield "FACTS", f"的内容与办理记录不符：{names}", f"is not what its acts made it: {names}"
    yield from _of_reports(one, trace)


def _seqs(pending: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    return {name: ask.get("seq", 0) for name, ask in pending.items()}


def _of_reports(one: Stored, trace: Trace) -> Iterator[tuple[str, str, str]]:
    theirs = {report.id: report for report in trace.facts.reports}
    if theirs.keys() != {report.id for report in one.reports}:
        yield (
            "REPORT_ELSEWHERE",
            "的诉求与办理记录不符",
            "has other reports than its acts gave it",
        )
        return
    for report in one.reports:
        made = theirs[report.id]
        if (made.state, made.rating) != (report.state, report.rating) or (
            trace.answered_at.get(report.id),
            trace.rated_at.get(report.id),
        ) != (report.replied_at, report.rated_at):
            yield (
                "REPORT",
                f"的诉求 {report.id} 的答复、评价或状态与办理记录不符",
                f"has report {report.id} answered, rated or standing otherwise than its acts say",
            )


def _of_clocks(batch: Batch, case_id: int) -> Iterator[Difference]:
    row, trace = batch.stored[case_id].row, batch.trace(case_id)
    number = row["number"]
    for clock in batch.without_act(case_id):
        yield Difference(
            "CLOCK_WITHOUT_ACT",
            f"{number} {clock.name}",
            "时限不是任何办理记录起的",
            "no act started the clock",
        )
    for clock, kept in batch.clocks_of(case_id):
        subject = f"{number} {clock.name}"
        if kept is None:
            yield Difference(
                "CLOCK_MISSING",
                subject,
                f"办理记录在 {clock.started_at.isoformat()} 起了时限，却没有记下",
                f"the acts started a clock at {clock.started_at.isoformat()} that is not there",
            )
        elif batch.turned_otherwise(case_id, clock, kept):
            yield Difference(
                "CLOCK",
                subject,
                "时限的停止、中止、超期、延长或限期与办理记录不符",
                "the clock stopped, paused, ran out or was limited otherwise than its acts say",
            )
        elif batch.due_otherwise(clock, kept):
            yield Difference(
                "CLOCK_DUE",
                subject,
                f"时限到期应为 {clock.due_at.isoformat()}，记的是 {kept.due_at.isoformat()}",
                f"the clock is due {clock.due_at.isoformat()}, not {kept.due_at.isoformat()}",
            )
    if (row["due_at"], row["due_clock"], row["due_provisional"]) != _due(trace.facts.clocks):
        yield Difference(
            "CASE_DUE",
            number,
            "事项的到期时间不是最早的时限",
            "the case's due time is not that of its earliest clock",
        )


def _due(clocks: Iterable[Ticking]) -> tuple[datetime | None, str, bool]:
    first = clockwork.earliest(clocks)
    return (first.due_at, first.name, first.provisional) if first else (None, "", False)
