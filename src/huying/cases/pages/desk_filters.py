"""What the address of a list says: read gently, written back, shown as chips to take away."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from huying.cases import queries
from huying.cases.queries import QueueFilters, Urgency
from huying.cases.queries.rows import state_label
from huying.directory import queries as directory

LONGEST_TEXT: Final = 100
_FLAGS: Final = ("mine", "overdue", "soon", "supervised", "pending", "callback")


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on; following `url` takes it away."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A list as its address describes it. What cannot be read counts as not said."""

    procedure: str = ""
    state: str = ""
    category: str = ""
    division: str = ""
    grid: str = ""
    unit: int | None = None
    urgency: str = ""
    mine: bool = False
    overdue: bool = False
    soon: bool = False
    supervised: bool = False
    pending: bool = False
    callback: bool = False
    closed: str = ""  # "" = open, "1" = closed, "all" = both
    text: str = ""
    order: str = ""  # "" = by due time, "NEWEST"

    @property
    def filters(self) -> QueueFilters:
        return QueueFilters(
            states=(self.state,) if self.state else (),
            procedure=self.procedure,
            mine=self.mine,
            unit=self.unit,
            category=self.category,
            division=self.division,
            grid=self.grid,
            urgency=self.urgency,
            overdue=self.overdue,
            soon=self.soon,
            supervised=self.supervised,
            pending=self.pending,
            clock="callback" if self.callback else "",
            # Who looks for a receipt or a number wants to find it, closed or not.
            closed=None if self.text or self.closed == "all" else self.closed == "1",
            text=self.text,
        )

    @property
    def newest_first(self) -> bool:
        """Lists by words and lists with closed cases have no other order."""
        return bool(self.order == queries.NEWEST or self.text or self.closed)

    def params(self, **changes: object) -> dict[str, str]:
        """The parameters of the address, without what is not narrowed."""
        said = replace(self, **changes) if changes else self  # type: ignore[arg-type]  # fields of this class
        found = {}
        for name in Asked.__dataclass_fields__:
            value = getattr(said, name)
            if value not in ("", None, False):
                found["q" if name == "text" else name] = "1" if value is True else str(value)
        return found

    def query(self, **changes: object) -> str:
        """As `?a=b`, or "" for the whole list."""
        params = self.params(**changes)
        return f"?{urlencode(params)}" if params else ""


def asked(given: QueryDict | Mapping[str, str]) -> Asked:
    """Read an address. Unknown states, units and the like are left out, never refused."""
    names = {one.procedure for one in queries.procedures()}
    procedure = given.get("procedure", "")
    unit = given.get("unit", "")
    unit_id = int(unit) if unit.isascii() and unit.isdigit() and len(unit) < 10 else None
    division = given.get("division", "")
    grid = given.get("grid", "")
    urgency = given.get("urgency", "")
    closed = given.get("closed", "")
    text = given.get("q", "").replace("\x00", "").strip()[:LONGEST_TEXT]
    return Asked(
        procedure=procedure if procedure in names else "",
        state=_code(given.get("state", "")),
        category=_code(given.get("category", "")),
        division=division if division.isascii() and division.isdigit() else "",
        grid=grid if grid.isascii() and grid.isdigit() and len(grid) == 15 else "",
        unit=unit_id if unit_id and directory.organisation(unit_id) else None,
        urgency=urgency if urgency in Urgency.values else "",
        closed=closed if closed in {"1", "all"} else "",
        text=text,
        order=queries.NEWEST if given.get("order") == queries.NEWEST else "",
        **{name: given.get(name, "") == "1" for name in _FLAGS},
    )


def _code(value: str) -> str:
    """A stored code, or nothing."""
    plain = value.replace("_", "")
    return value if plain.isascii() and plain.isalnum() and len(value) <= 40 else ""


def chips(said: Asked, base: str) -> list[Chip]:
    """The filters that are on, each with the address of the list without it."""
    found = []
    if said.text:
        found.append(Chip(f"“{said.text}”", base + said.query(text="")))
    if said.procedure and not said.state:
        name = str(queries.procedure(said.procedure).name)
        found.append(Chip(name, base + said.query(procedure="")))
    if said.state:
        found.append(Chip(_state_name(said), base + said.query(state="", procedure="")))
    if said.category:
        found.append(Chip(queries.category_name(said.category), base + said.query(category="")))
    if said.division:
        names = directory.division_names([said.division])
        found.append(Chip(names.get(said.division, said.division), base + said.query(division="")))
    if said.grid:
        grids = directory.grids([said.grid])
        name = grids[0].full_name if grids else said.grid
        found.append(Chip(name, base + said.query(grid="")))
    if said.unit:
        unit = directory.organisation(said.unit)
        found.append(
            Chip((unit.short_name or unit.name) if unit else "", base + said.query(unit=None))
        )
    if said.urgency:
        found.append(Chip(str(Urgency(said.urgency).label), base + said.query(urgency="")))
    for name in _FLAGS:
        if getattr(said, name):
            found.append(Chip(flag_label(name), base + said.query(**{name: False})))
    if said.closed:
        label = _("已办结") if said.closed == "1" else _("含已办结")
        found.append(Chip(label, base + said.query(closed="")))
    return found


def flag_label(name: str) -> str:
    return {
        "mine": _("我经办的"),
        "overdue": _("已超期"),
        "soon": _("24 小时内到期"),
        "supervised": _("督办中"),
        "pending": _("待审批"),
        "callback": _("待回访"),
    }[name]


def _state_name(said: Asked) -> str:
    for one in queries.procedures():
        if said.state in one.states and said.procedure in ("", one.procedure):
            label = state_label(one, said.state)
            return f"{one.name} · {label}" if said.procedure else label
    return said.state


def title(said: Asked) -> str:
    """What the list is called."""
    on = [name for name in _FLAGS if getattr(said, name)]
    if said.text:
        return _("搜索结果")
    if said.state:
        return _state_name(said)
    if on:
        return flag_label(on[0])
    if said.closed:
        return _("已办结") if said.closed == "1" else _("全部事项")
    if said.procedure:
        return str(queries.procedure(said.procedure).name)
    return _("全部在办")
