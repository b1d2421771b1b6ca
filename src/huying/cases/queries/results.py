"""What the queries of this room give back. Times are aware; words are in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, TypeVar

from huying.cases.rules.needs import Need
from huying.directory.queries import Look

Row = TypeVar("Row")

# How a clock or a case stands against its due time.
ON_TIME, SOON, OVERDUE, PAUSED, MET, MISSED, NONE = (
    "ON_TIME",
    "SOON",
    "OVERDUE",
    "PAUSED",
    "MET",
    "MISSED",
    "NONE",
)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A slice of a list; `next_cursor` is None at the end."""

    rows: list[Row]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class OfferedAction:
    """Something this actor may do to this case now."""

    code: str
    label: str
    tone: str  # MAIN | PLAIN | DANGER
    needs: tuple[Need, ...]
    why_photo: str  # "" = no photo asked for; else the reason to show beside the button
    article: str
    effects: tuple[str, ...]  # what it does to clocks and who is told, in plain words
    scope: str  # CASE | REPORT (then act(report_id=…))
    approval: str  # "" | REQUEST (somebody must approve) | DECISION (this approves or declines)
    to_state: str  # "" = the state stays
    to_label: str
    hint: str


@dataclass(frozen=True, slots=True)
class ClockView:
    """A clock, and how its due time was counted."""

    id: int
    name: str
    label: str
    law: str
    article: str
    source: str
    limit: str  # as a statute would put it: 5个工作日
    scope: str  # CASE | REPORT
    report_id: int | None
    started_at: datetime
    due_at: datetime
    last_date: date  # the date to show: "11 月 27 日前"
    provisional: bool
    stopped_at: datetime | None
    paused_at: datetime | None
    extensions: tuple[str, ...]
    status: str  # ON_TIME | SOON | OVERDUE | PAUSED | MET | MISSED
    counted: str  # one sentence: from when, how many of what, where it ends


@dataclass(frozen=True, slots=True)
class AttachmentView:
    id: int
    kind: str
    kind_label: str
    mime: str
    size: int
    width: int | None
    height: int | None
    sha256: str
    report_id: int | None
    act_id: int | None
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class ActView:
    """One step of the history; `fields` are what was filled in, as (label, value)."""

    id: int
    seq: int
    action: str
    label: str
    from_state: str
    to_state: str
    to_label: str
    actor_kind: str
    actor_name: str
    account_id: int | None
    organisation_name: str
    at: datetime
    note: str
    fields: tuple[tuple[str, str], ...]
    told: str
    article: str
    record_id: int | None
    report_id: int | None
    attachments: tuple[AttachmentView, ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """One report of a case; the reporter is masked (reveal through directory.actions)."""

    id: int
    receipt: str
    channel: str
    channel_label: str
    kind_label: str
    text: str
    place_text: str
    lon: float | None
    lat: float | None
    reporter_id: int | None
    reporter_name: str
    reporter_phone: str
    secret: bool
    on_behalf: bool
    submitter_id: int | None  # who spoke for the reporter
    submitter_name: str
    submitter_phone: str
    recorded_by_name: str
    submitted_at: datetime
    state: str
    state_label: str
    reply: str
    replied_at: datetime | None
    rating: str
    rating_label: str
    rating_comment: str
    rated_at: datetime | None
    follow_up: str
    joined: bool
    repeat_of_id: int | None
    repeat_of_case: int | None  # the case that report is in
    attachments: tuple[AttachmentView, ...]
    clocks: tuple[ClockView, ...]
    record_id: int | None
    erased_at: datetime | None = None  # the words are gone, at the person's right


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case in a list."""

    id: int
    number: str
    title: str
    procedure: str
    procedure_label: str
    state: str
    state_label: str
    turn: str  # whose turn it is, in words
    kind: str
    category: str
    category_name: str
    urgency: str
    urgency_label: str
    place_text: str
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str
    division_name: str
    unit_id: int | None
    unit_name: str
    officer_id: int | None
    officer_name: str
    discovered_at: datetime
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    due_at: datetime | None
    due_clock: str
    due_label: str
    due_provisional: bool
    status: str  # ON_TIME | SOON | OVERDUE | NONE
    report_count: int
    people_involved: int
    supervised: bool
    version: int


@dataclass(frozen=True, slots=True)
class CaseView:
    """Everything of a case that this actor may see."""

    case: CaseRow
    summary: str
    outcome: str
    outcome_label: str
    law: str
    procedure_version: int
    clocks: tuple[ClockView, ...]
    reports: tuple[ReportView, ...]
    acts: tuple[ActView, ...]
    attachments: tuple[AttachmentView, ...]
    references: tuple[tuple[str, str], ...]  # (system, number)
    assisting: tuple[tuple[int, str], ...]  # (organisation id, name)
    actions: tuple[OfferedAction, ...]
    alert_id: int | None
    true_alarm: bool | None
    merged_into: int | None
    merged_into_number: str
    merged_numbers: tuple[str, ...]
    pending: tuple[str, ...]  # what waits for an approval, in words


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task of a grid worker: the case, how far it is, the one main action."""

    case: CaseRow
    distance_m: int | None
    main_action: OfferedAction | None
    actions: tuple[OfferedAction, ...]


@dataclass(frozen=True, slots=True)
class FinishedTask:
    """A closed case somebody had a part in: how it ended, and what people said of it."""

    case: CaseRow
    outcome_label: str
    ended: str  # the reply to the people, or the result
    ratings: tuple[tuple[str, str, str], ...]  # (label, comment, code)


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """What a list is narrowed to. Empty means: not narrowed."""

    states: Sequence[str] = ()
    procedure: str = ""
    mine: bool = False
    unit: int | None = None
    officer: int | None = None
    category: str = ""
    kind: str = ""
    division: str = ""  # code or prefix
    grid: str = ""
    urgency: str = ""
    overdue: bool = False
    soon: bool = False
    supervised: bool = False
    clock: str = ""  # a clock of this name runs, e.g. "callback"
    pending: bool = False  # something waits for an approval
    ids: Sequence[int] = ()
    closed: bool | None = False  # None = open and closed
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""  # words, a case number or a receipt


@dataclass(frozen=True, slots=True)
class StateCount:
    procedure: str
    state: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Numbers beside the queues; open cases of this actor's view."""

    open: int
    mine: int
    overdue: int
    soon: int
    supervised: int
    pending: int  # something waits for an approval
    by_state: tuple[StateCount, ...]

    def of_state(self, state: str) -> int:
        return sum(row.count for row in self.by_state if row.state == state)


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """A milestone of the parcel-like line: what, when, done or yet to come."""

    label: str
    done: bool
    current: bool
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ProgressEntry:
    """One line of what has happened, as told to the reporter."""

    at: datetime
    who: str
    text: str
    attachments: tuple[AttachmentView, ...]
    record_id: int | None


@dataclass(frozen=True, slots=True)
class ProgressView:
    """A report as its reporter sees it. No staff names, nobody else's data."""

    receipt: str  # 12 characters
    receipt_display: str  # XXXX-XXXX-XXXX
    report_id: int
    case_number: str
    title: str
    text: str
    category_name: str
    place_text: str
    submitted_at: datetime
    headline: str  # "已受理，住建局 11 月 27 日前答复您"
    next_text: str  # what comes next
    state: str
    state_label: str
    steps: tuple[ProgressStep, ...]
    entries: tuple[ProgressEntry, ...]  # newest first
    unit_name: str
    unit_phone: str
    due_at: datetime | None
    due_date: date | None
    provisional: bool
    counted: str
    article: str
    reply: str
    replied_at: datetime | None
    rating: str
    rating_label: str
    rated_at: datetime | None
    follow_up: str
    can_rate: bool
    can_follow_up: bool
    closed: bool
    neighbours: int  # how many others reported the same
    attachments: tuple[AttachmentView, ...]
    record_id: int | None
    record_ids: tuple[int, ...] = field(default=())
    erased_at: datetime | None = None  # the words are gone, at the person's right
    looks: tuple[Look, ...] = ()  # who saw the reporter's data in full for this matter
    can_withdraw: bool = False


@dataclass(frozen=True, slots=True)
class TypicalAnswer:
    """What usually happens with such a matter: shown before sending."""

    unit_id: int
    unit_name: str
    days: int | None  # most are answered within so many days; None = too few to say
    sample: int
    text: str  # "这事由住建局办，近 90 天多数 2 天内答复"


@dataclass(frozen=True, slots=True)
class CategoryView:
    code: str
    name: str
    description: str
    parent: str
    parent_name: str
    kind: str
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublicReport:
    """A report as anybody may see it (Open311, map): no words of the reporter."""

    id: int
    case_number: str
    open: bool
    state_label: str
    headline: str
    category: str
    category_name: str
    unit_name: str
    submitted_at: datetime
    updated_at: datetime
    due_at: datetime | None
    place_text: str
    lon: float | None
    lat: float | None


@dataclass(frozen=True, slots=True)
class GridMeasure:
    grid_code: str
    value: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One local day of the county (or of one organisation)."""

    day: date
    received: int
    opened: int
    closed: int
    closed_on_time: int
    replied: int
    rated: int
    rated_bad: int
    overdue: int


@dataclass(frozen=True, slots=True)
class AuditFilters:
    case_number: str = ""
    account: int | None = None
    accounts: Sequence[int] | None = None  # any of these; none of them finds nothing
    actor_ref: str = ""
    action: str = ""
    unit: int | None = None
    procedure: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act, with the id of its ledger record."""

    act_id: int
    case_id: int
    case_number: str
    case_title: str
    procedure_label: str
    seq: int
    action: str
    label: str
    from_label: str
    to_label: str
    actor_kind: str
    actor_name: str
    actor_ref: str
    organisation_name: str
    at: datetime
    note: str
    record_id: int | None
