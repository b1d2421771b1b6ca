"""Who may take an action: the words a procedure file uses, and what each demands.

A party is a permission and a relation to the case. The words are few on purpose: a
procedure says "handling_officer", and this page says what that means.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from huying.directory.permissions import Permission


class Relation(Enum):
    """What ties the actor to this case."""

    NONE = auto()
    LEAD_UNIT = auto()
    ASSISTING_UNIT = auto()
    GRID = auto()
    TERRITORY = auto()


class Who(Protocol):
    """What this page must know of an actor (directory.permissions.Actor has it)."""

    @property
    def kind(self) -> str: ...
    @property
    def permissions(self) -> Collection[Permission]: ...
    def organisations_with(self, permission: Permission, /) -> frozenset[int]: ...
    def grids_with(self, permission: Permission, /) -> frozenset[str]: ...
    def divisions_with(self, permission: Permission, /) -> frozenset[str]: ...


class Matter(Protocol):
    """What this page must know of a case."""

    @property
    def lead_organisation_id(self) -> int | None: ...
    @property
    def assisting_ids(self) -> Collection[int]: ...
    @property
    def grid_code(self) -> str | None: ...
    @property
    def division_code(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Party:
    label: str | Promise
    permission: Permission | None = None
    relation: Relation = Relation.NONE
    kind: str = ""


PARTIES: Final[Mapping[str, Party]] = {
    "dispatcher": Party(_("综治中心"), Permission.CASE_DISPATCH, Relation.TERRITORY),
    "intake_clerk": Party(_("受理员"), Permission.REPORT_RECORD),
    "handling_officer": Party(_("承办单位"), Permission.CASE_HANDLE, Relation.LEAD_UNIT),
    "assisting_officer": Party(_("协办单位"), Permission.CASE_HANDLE, Relation.ASSISTING_UNIT),
    "unit_head": Party(_("单位负责人"), Permission.CASE_APPROVE, Relation.LEAD_UNIT),
    "grid_worker": Party(_("网格员"), Permission.CASE_VERIFY, Relation.GRID),
    "verifier": Party(_("综治中心"), Permission.CASE_VERIFY, Relation.TERRITORY),
    "closer": Party(_("综治中心"), Permission.CASE_CLOSE, Relation.TERRITORY),
    "caller": Party(_("回访人员"), Permission.CASE_CALL_BACK),
    "supervisor": Party(_("督办领导"), Permission.CASE_SUPERVISE, Relation.TERRITORY),
    "approver": Party(_("审批领导"), Permission.CASE_APPROVE, Relation.TERRITORY),
    "reporter": Party(_("群众"), kind="RESIDENT"),
    "system": Party(_("系统"), kind="SYSTEM"),
}

RECIPIENTS: Final[Mapping[str, str | Promise]] = {
    "lead_officers": _("承办单位值班人员"),
    "lead_heads": _("承办单位负责人"),
    "officer": _("经办人"),
    "assisting_officers": _("协办单位值班人员"),
    "grid_workers": _("网格员"),
    "dispatchers": _("综治中心"),
    "leaders": _("县领导"),
    "requester": _("申请人"),
}


def may_ever_be(word: str, who: Who) -> bool:
    """Whether this actor could be that party to some case: the right is there, the case is not."""
    party = PARTIES[word]
    if party.kind:
        return who.kind == party.kind
    return party.permission in who.permissions and who.kind != "SYSTEM"


def is_party(word: str, who: Who, matter: Matter) -> bool:
    """Whether this actor is that party to this case."""
    party = PARTIES[word]
    if party.kind:
        return who.kind == party.kind
    permission = party.permission
    if permission is None or permission not in who.permissions or who.kind == "SYSTEM":
        return False
    if who.kind == "CLIENT":
        # A system with a token of the county acts for whichever unit the matter lies with.
        return True
    match party.relation:
        case Relation.LEAD_UNIT:
            return matter.lead_organisation_id in who.organisations_with(permission)
        case Relation.ASSISTING_UNIT:
            return not who.organisations_with(permission).isdisjoint(matter.assisting_ids)
        case Relation.GRID:
            return matter.grid_code in who.grids_with(permission)
        case Relation.TERRITORY:
            return any(
                matter.division_code.startswith(prefix) for prefix in who.divisions_with(permission)
            ) and not who.grids_with(permission)
    return True
