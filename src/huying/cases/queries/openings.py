"""Which kinds of matter somebody may open without a report, and what that asks for."""

from dataclasses import dataclass

from huying.cases.queries.case_page import offered
from huying.cases.queries.procedures import REPORTS, ProcedureUnknown, procedures
from huying.cases.queries.results import OfferedAction
from huying.cases.rules.engine import Mode, Offer
from huying.cases.rules.parties import may_ever_be
from huying.cases.rules.procedure import Procedure
from huying.directory.permissions import Actor


@dataclass(frozen=True, slots=True)
class Opening:
    """A kind of matter, and the step it begins with."""

    procedure: str
    version: int
    name: str
    law: str
    step: OfferedAction


def openings(actor: Actor) -> list[Opening]:
    """The kinds of matter this actor may open, as each file's first action says.

    Residents' reports are not among them: they come by `receive_report` and get a receipt.
    """
    return [
        _opening(one)
        for one in procedures()
        if one.procedure != REPORTS
        and any(may_ever_be(word, actor) for word in one.actions[one.opening].by)
    ]


def opening(name: str, actor: Actor) -> Opening:
    """One of them; `ProcedureUnknown` for what this actor may not open as well."""
    found = next((one for one in openings(actor) if one.procedure == name), None)
    if found is None:
        raise ProcedureUnknown(
            "没有这类事项，或者不由您立案。", "There is no such kind of matter for you to open."
        )
    return found


def _opening(procedure: Procedure) -> Opening:
    code = procedure.opening
    spec = procedure.actions[code]
    step = offered(procedure, Offer(code, code, Mode.DO, spec, spec.needs, spec.tone))
    return Opening(procedure.procedure, procedure.version, str(procedure.name), procedure.law, step)
