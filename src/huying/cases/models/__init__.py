"""Tables of cases."""

from huying.cases.models.access import View, view_of
from huying.cases.models.case import (
    Act,
    AssistingUnit,
    Attachment,
    Case,
    CaseQuerySet,
    CaseReference,
    CaseWords,
    Clock,
)
from huying.cases.models.dictionary import Category, ProcedureVersion, ResponsibilityRule
from huying.cases.models.report import Report
from huying.cases.models.tally import CaseTally, Measure

__all__ = [
    "Act",
    "AssistingUnit",
    "Attachment",
    "Case",
    "CaseQuerySet",
    "CaseReference",
    "CaseTally",
    "CaseWords",
    "Category",
    "Clock",
    "Measure",
    "ProcedureVersion",
    "Report",
    "ResponsibilityRule",
    "View",
    "view_of",
]
