"""办理流程 as data: the schema of a procedure file.

A file is written by somebody who knows the law, not the program. So an error names the
file, the key and the mend, and all errors are given at once (`procedure_files`, which reads it,
and `procedure_checks`). `docs/procedures.md` explains the file key by key.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from huying.cases.rules.needs import TEXT_KINDS, Need, NeedKind, Words
from huying.standards.deadlines import Limit, RollOver

START: Final = "START"
"""Where a case is before its first act."""
ANY: Final = "ANY"
"""In `from`: every state that is not final."""
APPROVE, DECLINE = "approve_", "decline_"


class Scope(StrEnum):
    CASE = "CASE"
    REPORT = "REPORT"


class Tone(StrEnum):
    """How a button looks: the one main step, an ordinary one, one to think twice about."""

    MAIN = "MAIN"
    PLAIN = "PLAIN"
    DANGER = "DANGER"


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | Mapping) else value


def _limit(value: Any) -> Any:
    return Limit.parse(value) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
LimitText = Annotated[Limit, BeforeValidator(_limit)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )


class State(_Part):
    """Where a case can be. `resident` is what the reporter reads; `turn` whose move it is."""

    label: Words
    resident: Words | None = None
    turn: str = ""
    final: bool = False


class Milestone(_Part):
    """A stop on the resident's parcel-like line; `states` in which it is the present one."""

    label: Words
    states: Names


class Notice(_Part):
    """Who must be told, and in which words."""

    to: Names
    urgency: Literal["NORMAL", "URGENT", "EMERGENCY"] = "NORMAL"
    title: Words
    body: Words = Words(zh="{place}", en="{place}")
    escalate_to: Names = ()


class Action(_Part):
    """One step. `to` "" = the state stays; `tells` is what the reporters read of it."""

    label: Words
    from_: Names = Field(alias="from")
    to: str = ""
    by: Names
    approved_by: Names = ()
    needs: tuple[Need, ...] = ()
    scope: Scope = Scope.CASE
    article: str = ""
    tone: Tone = Tone.PLAIN
    hint: Words | None = None
    sets: Mapping[str, str | bool] = Field(default_factory=dict)
    blocked_by: Names = ()
    while_running: Names = ()
    answers: bool = False
    withdraws: bool = False
    tells: Words | None = None
    notices: Annotated[tuple[Notice, ...], BeforeValidator(_listed)] = ()

    def need(self, name: str) -> Need | None:
        return next((need for need in self.needs if need.name == name), None)

    @property
    def photo(self) -> Need | None:
        return next((need for need in self.needs if need.kind is NeedKind.PHOTO), None)

    @property
    def first_text(self) -> Need | None:
        """The need that the free note of an act fills where it was left empty."""
        return next((need for need in self.needs if need.kind in TEXT_KINDS), None)


class Clock(_Part):
    """A lawful time. Every clock stops by itself when the case reaches a final state."""

    label: Words
    limit: LimitText
    limit_by: Mapping[str, Mapping[str, LimitText]] = Field(default_factory=dict)
    scope: Scope = Scope.CASE
    starts: Names
    stops: Names = ()
    pauses: Names = ()
    resumes: Names = ()
    extends: Mapping[str, LimitText] = Field(default_factory=dict)
    roll_over: RollOver = RollOver.DAYS_OFF
    warn_before: LimitText | None = None
    on_warn: Annotated[tuple[Notice, ...], BeforeValidator(_listed)] = ()
    on_overdue: Annotated[tuple[Notice, ...], BeforeValidator(_listed)] = ()
    overdue_action: str = ""
    article: str = Field(default="", max_length=200)
    source: str = Field(default="", max_length=200)

    @property
    def basis(self) -> str:
        """What the limit rests on: the article of law, else the county's own rule."""
        return self.article or self.source

    def limit_for(self, facts: Mapping[str, str]) -> Limit:
        """The limit for a matter with these facts; the first field listed that knows decides."""
        for field, table in self.limit_by.items():
            found = table.get(facts.get(field, ""))
            if found is not None:
                return found
        return self.limit


class Ratings(_Part):
    """Which actions a good and a bad rating are."""

    good: str
    bad: str


class Procedure(_Part):
    """A whole procedure. Immutable; a case refers to it by name and version."""

    procedure: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    version: int = Field(ge=1)
    name: Words
    law: str
    in_force: date
    source: str = ""
    states: Mapping[str, State]
    milestones: tuple[Milestone, ...] = ()
    actions: Mapping[str, Action]
    clocks: Mapping[str, Clock] = Field(default_factory=dict)
    promise: str = ""
    routing: str = ""
    ratings: Ratings | None = None
    joins_within: LimitText | None = None
    digest: str = ""
    text: str = Field(default="", repr=False)

    @property
    def opening(self) -> str:
        """The action every case of this procedure begins with."""
        return next(code for code, action in self.actions.items() if START in action.from_)

    @property
    def withdrawal(self) -> str:
        """The action by which a reporter takes the own report back; "" where there is none."""
        return next((code for code, action in self.actions.items() if action.withdraws), "")

    def action_of(self, code: str) -> Action | None:
        """The action with this code, or the one that the code approves or declines."""
        for base in (code, code.removeprefix(APPROVE), code.removeprefix(DECLINE)):
            if base in self.actions:
                return self.actions[base]
        return None

    def is_final(self, state: str) -> bool:
        spec = self.states.get(state)
        return spec is None or spec.final

    def may_start_from(self, action: Action, state: str) -> bool:
        """Whether `state` is among the states the action is taken from."""
        return state in action.from_ or (
            ANY in action.from_ and state in self.states and not self.states[state].final
        )
