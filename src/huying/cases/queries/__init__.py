"""Reads of cases, for this room and for those above."""

from huying.cases.queries.audit import audit_list
from huying.cases.queries.case_page import available_actions, case_page, replay_state
from huying.cases.queries.dictionary import (
    categories,
    category_name,
    forget_dictionary,
    responsible,
)
from huying.cases.queries.facts import CaseNotFound, ReportNotFound
from huying.cases.queries.files import AttachmentNotFound, attachment_file, file_headers
from huying.cases.queries.getting_ready import make_ready
from huying.cases.queries.holdings import PersonHoldings, known_here, person_holdings
from huying.cases.queries.lists import DUE, NEWEST, queue, queue_counts
from huying.cases.queries.openings import Opening, opening, openings
from huying.cases.queries.procedures import (
    ProcedureUnknown,
    forget_procedures,
    procedure,
    procedures,
)
from huying.cases.queries.progress import progress, report_id_of
from huying.cases.queries.public import nearby_open, public_report, public_reports
from huying.cases.queries.recipients import forget_recipients
from huying.cases.queries.repeats import EarlierReport, earlier_reports, report_named
from huying.cases.queries.responsibilities import responsibility_table
from huying.cases.queries.results import (
    ActView,
    AttachmentView,
    AuditFilters,
    AuditRow,
    CaseRow,
    CaseView,
    CategoryView,
    ClockView,
    DayFigures,
    FinishedTask,
    GridMeasure,
    OfferedAction,
    Page,
    ProgressEntry,
    ProgressStep,
    ProgressView,
    PublicReport,
    QueueCounts,
    QueueFilters,
    ReportView,
    StateCount,
    TaskRow,
    TypicalAnswer,
)
from huying.cases.queries.rows import BadCursor
from huying.cases.queries.statistics import (
    day_figures,
    forget_typical,
    grid_measures,
    open_by_procedure,
    overdue_by_unit,
    typical_answer,
)
from huying.cases.queries.tasks import finished_tasks, tasks_near
from huying.cases.rules.needs import Need, NeedKind
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.vocabulary import (
    AttachmentKind,
    Channel,
    Kind,
    Outcome,
    Rating,
    ReportState,
    Urgency,
)


def forget_caches() -> None:
    """Drop everything this process keeps of this room."""
    forget_dictionary()
    forget_procedures()
    forget_recipients()
    forget_typical()


__all__ = [
    "DUE",
    "NEWEST",
    "ActView",
    "AttachmentKind",
    "AttachmentNotFound",
    "AttachmentView",
    "AuditFilters",
    "AuditRow",
    "BadCursor",
    "CaseNotFound",
    "CaseRow",
    "CaseView",
    "CategoryView",
    "Channel",
    "ClockView",
    "DayFigures",
    "EarlierReport",
    "FinishedTask",
    "GridMeasure",
    "Kind",
    "Need",
    "NeedKind",
    "OfferedAction",
    "Opening",
    "Outcome",
    "Page",
    "PersonHoldings",
    "Procedure",
    "ProcedureUnknown",
    "ProgressEntry",
    "ProgressStep",
    "ProgressView",
    "PublicReport",
    "QueueCounts",
    "QueueFilters",
    "Rating",
    "ReportNotFound",
    "ReportState",
    "ReportView",
    "StateCount",
    "TaskRow",
    "TypicalAnswer",
    "Urgency",
    "attachment_file",
    "audit_list",
    "available_actions",
    "case_page",
    "categories",
    "category_name",
    "day_figures",
    "earlier_reports",
    "file_headers",
    "finished_tasks",
    "forget_caches",
    "grid_measures",
    "known_here",
    "make_ready",
    "nearby_open",
    "open_by_procedure",
    "opening",
    "openings",
    "overdue_by_unit",
    "person_holdings",
    "procedure",
    "procedures",
    "progress",
    "public_report",
    "public_reports",
    "queue",
    "queue_counts",
    "replay_state",
    "report_id_of",
    "report_named",
    "responsibility_table",
    "responsible",
    "tasks_near",
    "typical_answer",
]
