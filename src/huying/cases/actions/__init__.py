"""Every write of cases."""

from huying.cases.actions.acting import ActionNotOffered, NeedsField, StaleCase, act
from huying.cases.actions.clockwork import recompute_provisional, run_clocks
from huying.cases.actions.erasing import PersonHasOpenCases
from huying.cases.actions.exporting import record_export
from huying.cases.actions.files import BadUpload, sweep_files
from huying.cases.actions.history import import_history, reserve_cases
from huying.cases.actions.intake import receive_report
from huying.cases.actions.joining import join_report
from huying.cases.actions.leaving import hand_over_cases
from huying.cases.actions.merging import CannotMerge, merge_cases, split
from huying.cases.actions.noting import (
    add_attachment,
    add_reference,
    mark_repeat,
    note_people_involved,
)
from huying.cases.actions.opening import open_case, place_of
from huying.cases.actions.past import (
    JOIN,
    RATE,
    Imported,
    PastCase,
    PastReport,
    PastStep,
    later,
)
from huying.cases.actions.rating import (
    AlreadyRated,
    NotYetAnswered,
    ReportErased,
    add_report_photo,
    follow_up,
    rate,
    supplement,
    withdraw,
)
from huying.cases.actions.recounting import recount_cases
from huying.cases.actions.repeating import IdempotencyConflict
from huying.cases.actions.rereading import recount_files, recount_words
from huying.cases.actions.responsibilities import (
    NewResponsibility,
    TableRefused,
    read_responsibilities,
    set_responsibilities,
)
from huying.cases.actions.results import (
    Acted,
    ClocksRun,
    Contact,
    GivenFile,
    Opened,
    Rated,
    Received,
    Upload,
)
from huying.cases.actions.setup import (
    DictionaryInvalid,
    ProcedureChanged,
    load_categories,
    register_procedures,
)
from huying.cases.actions.tallying import fold_tallies
from huying.cases.queries.facts import CaseNotFound, ReportNotFound

__all__ = [
    "JOIN",
    "RATE",
    "Acted",
    "ActionNotOffered",
    "AlreadyRated",
    "BadUpload",
    "CannotMerge",
    "CaseNotFound",
    "ClocksRun",
    "Contact",
    "DictionaryInvalid",
    "GivenFile",
    "IdempotencyConflict",
    "Imported",
    "NeedsField",
    "NewResponsibility",
    "NotYetAnswered",
    "Opened",
    "PastCase",
    "PastReport",
    "PastStep",
    "PersonHasOpenCases",
    "ProcedureChanged",
    "Rated",
    "Received",
    "ReportErased",
    "ReportNotFound",
    "StaleCase",
    "TableRefused",
    "Upload",
    "act",
    "add_attachment",
    "add_reference",
    "add_report_photo",
    "fold_tallies",
    "follow_up",
    "hand_over_cases",
    "import_history",
    "join_report",
    "later",
    "load_categories",
    "mark_repeat",
    "merge_cases",
    "note_people_involved",
    "open_case",
    "place_of",
    "rate",
    "read_responsibilities",
    "receive_report",
    "recompute_provisional",
    "record_export",
    "recount_cases",
    "recount_files",
    "recount_words",
    "register_procedures",
    "reserve_cases",
    "run_clocks",
    "set_responsibilities",
    "split",
    "supplement",
    "sweep_files",
    "withdraw",
]
