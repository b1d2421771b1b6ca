"""A past taken in as a whole: cases with every act they have had, in their order.

For a county that brings its archive along, and for the simulated one. Each act goes through the
same engine as today's, at its own time: nothing can be imported that could not have happened.
Clocks that ran out in between are noted as the clock job would have noted them. What differs
from acting step by step: the rows of many cases are written at once, by COPY, and nobody is
told of what is over.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from django.db import connection, transaction
from django.utils.translation import override

from huying.cases.actions import writing
from huying.cases.actions.acting import (
    ActionNotOffered,
    act_row,
    planned,
    sealed,
    words_of,
)
from huying.cases.actions.clockwork import CLOCKS
from huying.cases.actions.intake import Said, checked, personal_of, report_row
from huying.cases.actions.opening import (
    Beginning,
    Place,
    case_row,
    entries_of,
    fresh_record,
    steps_of,
)
from huying.cases.actions.results import Contact
from huying.cases.actions.tallying import happened, standing, tallies_of
from huying.cases.models import Measure
from huying.cases.queries import dictionary, wording
from huying.cases.queries.facts import CaseRecord
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.rules import clocks as clockwork
from huying.cases.rules import engine
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.engine import Facts, Plan, ReportFacts
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.vocabulary import BAD_RATINGS, ReportState
from huying.cases.rules.wording import fill
from huying.cases.rules.words import words_of as search_words
from huying.directory import queries as directory
from huying.directory.permissions import Actor, Permission
from huying.ledger import actions as ledger
from huying.sensing import actions as sensing

RATE: Final = "rate"
JOIN: Final = engine.JOIN


@dataclass(frozen=True, slots=True, kw_only=True)
class PastReport:
    """What one person said. `reporter_id` is known to the directory already."""

    text: str
    channel: str
    by: Actor
    contact: Contact | None = None
    reporter_id: int | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStep:
    """One act: of the procedure, or RATE (with `rating`), or JOIN (with `report`).

    `of` says which report of the case is meant, counted from 0, where the act concerns one.
    """

    at: dt.datetime
    action: str
    by: Actor
    note: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    of: int | None = None
    rating: str = ""
    comment: str = ""
    report: PastReport | None = None
    where_offered: bool = False
    """Leave it out where the case had moved on by then, e.g. was closed by its clock."""


def later(step: PastStep, at: dt.datetime) -> PastStep:
    """The same step at another time."""
    return replace(step, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCase:
    """A case from its beginning; `steps` in the order of time.

    One with a `report` is dispatched by the table of responsibilities where its `category`
    decides, as `receive_report` does it. One without is opened as `open_case` does.
    """

    procedure: str
    at: dt.datetime
    by: Actor
    title: str
    lon: float | None
    lat: float | None
    place_text: str
    grid_code: str | None
    division_code: str
    category: str = ""
    kind: str = ""
    urgency: str = "NORMAL"
    report: PastReport | None = None
    summary: str = ""
    lead_organisation_id: int | None = None
    alert_id: int | None = None
    alert_key: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    steps: Sequence[PastStep] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """A case that came in. `receipts` are those of its reports, in order."""

    case_id: int
    state: str
    receipts: tuple[str, ...]


def import_history(*, cases: Sequence[PastCase], until: dt.datetime, by: Actor) -> list[Imported]:
    """Write cases as they stand at `until`; the results in order. All or none.

    The clocks are let run up to `until`. Raises what acting would raise (ActionNotOffered,
    NeedsField …): an archive that contradicts the procedure is not taken in.
    """
    by.require(Permission.DIRECTORY_MANAGE)
    reports = sum(
        (case.report is not None) + sum(step.report is not None for step in case.steps)
        for case in cases
    )
    case_ids = iter(_reserved("cases_case", len(cases)))
    report_ids = iter(_reserved("cases_report", reports))
    lives = []
    for case in cases:
        life = _Life(case, next(case_ids), lambda: next(report_ids))
        for step in case.steps:
            life.run_clocks(step.at)
            life.take(step)
        life.run_clocks(until)
        lives.append(life)
    with transaction.atomic():
        _seal(lives)
        _write(lives)
        sensing.import_judgements(
            judgements=[one for life in lives for one in life.judgements], by=by
        )
    return [
        Imported(
            life.facts.id, life.facts.state, tuple(r["receipt"] for r in life.reports.values())
        )
        for life in lives
    ]


class _Life:
    """One case while its past is gone through. The rows are dictionaries, as for `writing`."""

    def __init__(self, case: PastCase, case_id: int, next_report_id: Callable[[], int]) -> None:
        self.procedure: Procedure = procedure_of(case.procedure)
        self.next_report_id = next_report_id
        self.reports: dict[int, dict[str, Any]] = {}
        self.acts: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.clocks: dict[int, Ticking] = {}
        self.tallies: list[writing.Row] = []
        self.assisting: dict[int, dt.datetime] = {}
        self.judgements: list[sensing.PastJudgement] = []
        self.words: set[str] = set()
        self._clock_ids = itertools.count(1)
        self.updated_at = case.at
        self.closed_at: dt.datetime | None = None
        self._begin(case, case_id)

    # The beginning: see opening.begin and intake.

    def _begin(self, case: PastCase, case_id: int) -> None:
        place = Place(case.place_text, case.lon, case.lat, case.grid_code, case.division_code)
        said = report_id = row = None
        if case.report is not None:
            said = _said(
                case.report, case.at, case.category, case.kind, case.title, place, case.urgency
            )
            report_id = self.next_report_id()
            row = report_row(said, report_id, case_id, case.report.reporter_id, None)
            self.reports[report_id] = row
        self.beginning = Beginning(
            case_id=case_id,
            procedure=self.procedure,
            title=said.title if said else case.title,
            summary=said.text if said else case.summary,
            category=case.category,
            kind=said.kind if said else (case.kind or "HELP"),
            urgency=case.urgency,
            place=place,
            discovered_at=case.at,
            report_id=report_id,
            lead_organisation_id=case.lead_organisation_id,
            dispatch=dictionary.responsible(case.category, place.division_code) if said else None,
            alert_id=case.alert_id,
            alert_key=case.alert_key,
            data=case.data,
            note=case.note,
            kind_of_record="report.received" if said else "case.opened",
            sealed_body=(
                {"channel": said.channel, "category": said.category, "on_behalf": False}
                | {"photos": []}
                if said
                else {}
            ),
            personal=personal_of(said, str(row["receipt"])) if said and row else {},
        )
        steps = steps_of(self.beginning, case.by, case.at)
        record = fresh_record(self.beginning, case.at)
        self.record: CaseRecord = record
        first = len(self.entries)
        self.entries += entries_of(self.beginning, steps, record, case.at)
        for seq, (actor, plan) in enumerate(steps, start=1):
            self._append_act(plan, seq, actor, case.at, first + seq - 1, {})
        final = steps[-1][1]
        facts = replace(final.facts, version=len(steps))
        self.case_row = case_row(self.beginning, facts, case.at, row is not None)
        self.report_count = len(self.reports)
        self._settle(facts, final.started)
        name = self.procedure.procedure
        self.tallies += [standing(name, facts, 1), happened(Measure.OPENED, name, facts, case.at)]
        if row is not None:
            row["entry"] = first
            self.tallies.append(happened(Measure.RECEIVED, name, facts, case.at))
        self.words.update(search_words([self.beginning.title, self.beginning.summary, place.text]))

    # One act: see acting.take_step.

    def take(self, step: PastStep) -> None:
        if step.action == JOIN and step.report is not None:
            self._join(step, step.report)
        elif step.action == RATE and step.rating:
            self._rate(step)
        elif step.where_offered:
            with suppress(ActionNotOffered):
                self._act(step, {}, {})
        else:
            self._act(step, {}, {})

    def _act(self, step: PastStep, more: Mapping[str, Any], personal: Mapping[str, str]) -> Plan:
        plan = planned(
            self.procedure,
            self.facts,
            step.by,
            step.action,
            step.note,
            step.data,
            (),
            None if step.of is None else list(self.reports)[step.of],
            step.at,
        )
        seq = self.facts.version + 1
        entry = sealed(self.procedure, self.record, plan, seq, step.by, step.at, ())
        if more or personal:
            entry["body"] |= {"more": dict(more)}
            entry["personal"] = {**(entry["personal"] or {}), **personal} or None
        self.entries.append(entry)
        self._append_act(plan, seq, step.by, step.at, len(self.entries) - 1, {**more, **personal})
        self.tallies += tallies_of(self.procedure, self.record, plan, step.at)
        for unit in plan.assisting:
            self.assisting.setdefault(unit, step.at)
        for report_id in plan.answered:
            row = self.reports[report_id]
            row["reply"], row["replied_at"] = str(plan.data.get("reply", "")), step.at
            row["state"] = ReportState.RATED.value if row["rating"] else ReportState.ANSWERED.value
        if plan.true_alarm is not None and self.record.alert_id is not None:
            self.judgements.append(
                sensing.PastJudgement(self.record.alert_id, plan.true_alarm, step.at, step.by.ref)
            )
        if self.procedure.is_final(plan.to_state):
            self.closed_at = self.closed_at or step.at
        else:
            self.closed_at = None
        for clock in plan.changed:
            self.clocks[clock.id or 0] = clock
        self.updated_at = step.at
        self._settle(replace(plan.facts, version=seq), plan.started)
        return plan

    def _append_act(
        self,
        plan: Plan,
        seq: int,
        by: Actor,
        at: dt.datetime,
        entry: int,
        more: Mapping[str, Any],
    ) -> None:
        told = ""
        if plan.tells:
            values = words_of(self.procedure, plan, by, at)
            with override("zh-hans"):
                told = fill(str(plan.tells), values)
        row = act_row(
            plan.facts,
            seq=seq,
            action=plan.offer.code,
            from_state=plan.from_state,
            to_state=plan.to_state,
            by=by,
            now=at,
            note=plan.note,
            told=told,
            data={**plan.data, **more},
            report_id=plan.report_id,
            record_id=0,
        )
        row["entry"] = entry
        self.acts.append(row)

    def _settle(self, facts: Facts, started: Iterable[Ticking]) -> None:
        """The case after an act, its clocks numbered; clocks that stopped are out of sight."""
        for clock in started:
            number = next(self._clock_ids)
            self.clocks[number] = _numbered(clock, number)
        reports = tuple(
            ReportFacts(report_id, row["state"], row["rating"])
            for report_id, row in self.reports.items()
        )
        running = tuple(clock for clock in self.clocks.values() if clock.stopped_at is None)
        self.facts = replace(facts, clocks=running, reports=reports)
        earliest = clockwork.earliest(running)
        # Spelled out: `replace` looks at every field, and this is done for each act of the past.
        before = self.record
        self.record = CaseRecord(
            facts=self.facts,
            procedure=before.procedure,
            procedure_version=before.procedure_version,
            created_at=before.created_at,
            closed_at=self.closed_at,
            due_at=earliest.due_at if earliest else None,
            report_count=len(self.reports),
            alert_id=before.alert_id,
            merged_into_id=before.merged_into_id,
        )

    def _rate(self, step: PastStep) -> None:
        """See rating.rate."""
        ratings = self.procedure.ratings
        if ratings is None:
            raise ActionNotOffered("这类事项不用评价。", "Such a matter is not rated.")
        bad = step.rating in BAD_RATINGS
        row = list(self.reports.values())[step.of or 0]
        before = self.facts
        row["rating"], row["rating_comment"], row["rated_at"] = step.rating, step.comment, step.at
        row["state"] = (ReportState.CALLBACK if bad else ReportState.RATED).value
        self._settle(self.facts, ())
        self._act(
            replace(step, action=ratings.bad if bad else ratings.good, of=step.of or 0),
            {"rating": step.rating},
            {"comment": step.comment} if step.comment else {},
        )
        self.tallies.append(
            happened(Measure.RATED, self.procedure.procedure, before, step.at, step.rating)
        )

    def _join(self, step: PastStep, given: PastReport) -> None:
        """See intake.join_report; nothing where the reply has been given by then."""
        if not engine.takes_more_reports(self.procedure, self.facts):
            return
        first_id, first = next(iter(self.reports.items()))
        place = Place(
            first["place_text"],
            first["lon"],
            first["lat"],
            self.facts.grid_code,
            self.facts.division_code,
        )
        facts = self.facts
        said = _said(
            given,
            step.at,
            facts.category,
            first["kind"],
            facts.title,
            place,
            facts.urgency,
            first_id,
        )
        report_id = self.next_report_id()
        row = report_row(said, report_id, self.facts.id, given.reporter_id, None)
        started = engine.joined(
            self.procedure,
            self.facts,
            report_id,
            now=step.at,
            calendar=directory.working_calendar(),
        )
        seq = self.facts.version + 1
        self.entries.append(
            {
                "kind": "report.received",
                "subject": f"case:{self.facts.id}",
                "by": step.by.ref,
                "at": step.at,
                "body": {
                    "number": self.facts.number,
                    "report": report_id,
                    "seq": seq,
                    "action": JOIN,
                    "channel": said.channel,
                    "photos": [],
                },
                "personal": personal_of(said, str(row["receipt"])),
            }
        )
        row["entry"] = len(self.entries) - 1
        self.reports[report_id] = row
        after = replace(
            facts,
            reports=(*facts.reports, ReportFacts(report_id, ReportState.RECEIVED.value)),
            people_involved=facts.people_involved + 1,
            version=seq,
        )
        with override("zh-hans"):
            values = wording.words_for(self.procedure, after, step.at, actor=step.by)
            opening = self.procedure.actions[self.procedure.opening]
            told = fill(str(opening.tells), values) if opening.tells else ""
        act = act_row(
            after,
            seq=seq,
            action=JOIN,
            from_state=self.facts.state,
            to_state=self.facts.state,
            by=step.by,
            now=step.at,
            told=told,
            report_id=report_id,
            record_id=0,
        )
        act["entry"] = len(self.entries) - 1
        self.acts.append(act)
        name = self.procedure.procedure
        self.tallies.append(happened(Measure.RECEIVED, name, after, step.at))
        self.words.update(search_words([said.text, said.place.text]))
        self.updated_at = step.at
        self._settle(after, started)

    # Time passing: see clockwork.run_clocks.

    def run_clocks(self, now: dt.datetime) -> None:
        """Warn of and escalate the clocks that came to it before `now`, in their order."""
        while True:
            due = [
                c for c in self.facts.clocks if c.runs and not c.escalated_at and c.due_at <= now
            ]
            if not due:
                break
            self._run_out(min(clock.due_at for clock in due))
        warned = [
            clock
            for clock in self.facts.clocks
            if clock.warned_at is None and clock.warn_at and clock.warn_at <= now and clock.runs
        ]
        for clock in warned:
            self.clocks[clock.id or 0] = replace(clock, warned_at=clock.warn_at)
        if warned:
            self._settle(self.facts, ())

    def _run_out(self, at: dt.datetime) -> None:
        ended = [
            clock
            for clock in self.facts.clocks
            if clock.runs and not clock.escalated_at and clock.due_at <= at
        ]
        for clock in ended:
            warned = clock.warned_at or (
                clock.warn_at if clock.warn_at and clock.warn_at < at else at
            )
            self.clocks[clock.id or 0] = replace(clock, escalated_at=at, warned_at=warned)
        self._settle(self.facts, ())
        specs = {clock.name: self.procedure.clocks[clock.name] for clock in ended}
        names = [clock.name for clock in ended if not specs[clock.name].overdue_action]
        if names:
            self._note_overdue(names, at)
        for clock in ended:
            action = specs[clock.name].overdue_action
            if action:
                try:
                    self._act(PastStep(at=at, action=action, by=CLOCKS), {}, {})
                except ActionNotOffered:
                    continue  # the case moved on, or a callback still holds it open

    def _note_overdue(self, names: list[str], at: dt.datetime) -> None:
        seq = self.facts.version + 1
        self.entries.append(
            {
                "kind": "case.clock",
                "subject": f"case:{self.facts.id}",
                "by": CLOCKS.ref,
                "at": at,
                "body": {
                    "number": self.facts.number,
                    "seq": seq,
                    "action": "clock_ran_out",
                    "clocks": names,
                },
            }
        )
        facts = replace(self.facts, version=seq)
        act = act_row(
            facts,
            seq=seq,
            action="clock_ran_out",
            from_state=facts.state,
            to_state=facts.state,
            by=CLOCKS,
            now=at,
            data={"clocks": names},
            record_id=0,
        )
        act["entry"] = len(self.entries) - 1
        self.acts.append(act)
        self.tallies += [
            happened(Measure.OVERDUE, self.procedure.procedure, facts, at, name) for name in names
        ]
        self.updated_at = at
        self._settle(facts, ())

    def final_case_row(self) -> dict[str, Any]:
        facts = self.facts
        earliest = clockwork.earliest(facts.clocks)
        return {
            **self.case_row,
            "state": facts.state,
            "category": facts.category,
            "urgency": facts.urgency,
            "lead_organisation_id": facts.lead_organisation_id,
            "officer_id": facts.officer_id,
            "outcome": facts.outcome,
            "supervised": facts.supervised,
            "true_alarm": facts.true_alarm,
            "people_involved": facts.people_involved,
            "pending": dict(facts.pending),
            "due_at": earliest.due_at if earliest else None,
            "due_clock": earliest.name if earliest else "",
            "due_provisional": bool(earliest and earliest.provisional),
            "closed_at": self.closed_at,
            "updated_at": self.updated_at,
            "report_count": len(self.reports),
            "version": facts.version,
        }


def _numbered(clock: Ticking, number: int) -> Ticking:
    """A clock that has just started, with its number within the case."""
    return Ticking(
        name=clock.name,
        report_id=clock.report_id,
        limit=clock.limit,
        article=clock.article,
        started_at=clock.started_at,
        due_at=clock.due_at,
        provisional=clock.provisional,
        id=number,
        # One that an act of the same moment stopped again is there as well.
        stopped_at=clock.stopped_at,
        warn_at=clock.warn_at,
    )


def _said(
    given: PastReport,
    at: dt.datetime,
    category: str,
    kind: str,
    title: str,
    place: Place,
    urgency: str,
    joined_report_id: int | None = None,
) -> Said:
    """A report as `receive_report` checks it."""
    return checked(
        by=given.by,
        now=at,
        text=given.text,
        channel=given.channel,
        category=category,
        kind=kind,
        title=title,
        place=place,
        phone=(None, None),
        contact=given.contact,
        submitter=None,
        on_behalf=False,
        secret=given.secret,
        photos=(),
        key="",
        discovered_at=at,
        urgency=urgency,
        people_involved=1,
        references=(),
        joined_report_id=joined_report_id,
    )


def _seal(lives: Sequence[_Life]) -> None:
    """All records in the order of time; each row learns the number of its own."""
    every = [
        (entry["at"], place, number, entry)
        for place, life in enumerate(lives)
        for number, entry in enumerate(life.entries)
    ]
    every.sort(key=lambda one: one[:3])
    ids = ledger.record_many([ledger.Entry(**entry) for *_, entry in every])
    found = {
        (place, number): row_id for (_, place, number, _), row_id in zip(every, ids, strict=True)
    }
    for place, life in enumerate(lives):
        for row in (*life.acts, *life.reports.values()):
            row["record_id"] = found[place, row.pop("entry")]


def _write(lives: Sequence[_Life]) -> None:
    _copy("cases_case", writing.CASE, (life.final_case_row() for life in lives))
    _copy(
        "cases_report",
        writing.REPORT,
        (row for life in lives for row in life.reports.values()),
    )
    _copy("cases_act", writing.ACT, (row for life in lives for row in life.acts))
    _copy(
        "cases_clock",
        writing.CLOCK,
        (
            writing.clock_row(clock, life.facts.id)
            for life in lives
            for clock in life.clocks.values()
        ),
    )
    _copy("cases_casetally", writing.TALLY, _folded(lives))
    _copy(
        "cases_assistingunit",
        ("case_id", "organisation_id", "added_at"),
        (
            {"case_id": life.facts.id, "organisation_id": unit, "added_at": at}
            for life in lives
            for unit, at in life.assisting.items()
        ),
    )
    _copy(
        "cases_casewords",
        ("case_id", "words"),
        ({"case_id": life.facts.id, "words": _tsvector(sorted(life.words))} for life in lives),
    )


def _folded(lives: Sequence[_Life]) -> Iterable[dict[str, Any]]:
    """The counts added up, as fold_tallies would leave them."""
    sums: dict[tuple[Any, ...], int] = {}
    names = [name for name in writing.TALLY if name != "count"]
    for life in lives:
        for row in life.tallies:
            key = tuple(row[name] for name in names)
            sums[key] = sums.get(key, 0) + int(row["count"])
    for key, count in sums.items():
        if count:
            yield {**dict(zip(names, key, strict=True)), "count": count}


def _tsvector(words: Sequence[str]) -> str:
    """The text form of a tsvector without positions, as array_to_tsvector makes one."""
    return " ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words)


def _copy(table: str, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """COPY rows into a table. Left out of a row = the column is NULL."""
    names = list(columns)
    quoted = ", ".join(f'"{name}"' for name in names)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({quoted}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([_plain(row.get(name)) for name in names])


def _plain(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list | tuple) else value


def _reserved(table: str, count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [table, count],
        )
        return [int(row[0]) for row in cursor.fetchall()]
