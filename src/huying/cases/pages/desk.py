"""The desk: queues with counts, the list, the map of the list, the list as a table file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from huying.cases import actions, queries
from huying.cases.pages import desk_filters
from huying.cases.pages.desk_filters import Asked
from huying.cases.queries import CaseRow, QueueCounts, QueueFilters, Urgency
from huying.cases.tables import local, table_file
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import Actor, Permission

LOOKS: Final = (Permission.CASE_VIEW_ALL, Permission.CASE_VIEW_OWN_UNIT)
PAGE_SIZE: Final = 50
MOST_EXPORTED: Final = 5_000
MOST_NEW: Final = 50
_CHIP_STATES: Final = frozenset({"OVERDUE", "SOON", "ON_TIME"})


@dataclass(frozen=True, slots=True)
class Queue:
    """A line of the left pane."""

    label: str
    count: int | None
    url: str
    current: bool
    late: bool = False


@dataclass(frozen=True, slots=True)
class QueueGroup:
    title: str
    queues: list[Queue]


@never_cache
@require_safe
@requires(*LOOKS)
def desk(request: HttpRequest) -> HttpResponse:
    """The three panes; the list alone where htmx asks for it."""
    actor = directory.actor_of(request)
    said = desk_filters.asked(request.GET)
    if request.headers.get("HX-Target") == "more":
        return render(request, "cases/desk/_rows.html", list_of(actor, said, request))
    context = panes(actor, said, request)
    template = "_list" if request.headers.get("HX-Target") == "queue" else "desk"
    return render(request, f"cases/desk/{template}.html", context)


@never_cache
@require_safe
@requires(*LOOKS)
def queues(request: HttpRequest) -> HttpResponse:
    """The left pane alone, its numbers counted anew."""
    said = desk_filters.asked(request.GET)
    context = {**queues_of(directory.actor_of(request), said), "query": said.query()}
    return render(request, "cases/desk/_queues.html", context)


def panes(
    actor: Actor, said: Asked, request: HttpRequest, opened: int | None = None
) -> dict[str, Any]:
    """What the left and the middle pane show."""
    return {
        **list_of(actor, said, request, opened),
        **queues_of(actor, said),
        "title": desk_filters.title(said),
        "chips": desk_filters.chips(said, reverse("desk")),
        "sorting": [
            (_("按时限"), reverse("desk") + said.query(order=""), not said.newest_first),
            (
                _("按新旧"),
                reverse("desk") + said.query(order=queries.NEWEST),
                said.newest_first,
            ),
        ],
        "may_sort": not (said.text or said.closed),
        "may_dispatch": actor.may(Permission.CASE_DISPATCH),
        "may_merge": actor.may(Permission.CASE_MERGE),
        "may_record": actor.may(Permission.REPORT_RECORD),
        **choices_of(),
    }


def list_of(
    actor: Actor, said: Asked, request: HttpRequest, opened: int | None = None
) -> dict[str, Any]:
    """A page of the list."""
    cursor = request.GET.get("after") or None
    page = queries.queue(
        actor,
        said.filters,
        cursor=cursor,
        limit=PAGE_SIZE,
        order=said.order or queries.DUE,
    )
    more = ""
    if page.next_cursor:
        params = {**said.params(), "after": page.next_cursor}
        more = f"{reverse('desk')}?{urlencode(params)}"
    return {
        "asked": said,
        "rows": [row_of(row, said, opened) for row in page.rows],
        "more_url": more,
        "first_page": cursor is None,
        "here": reverse("desk") + said.query(),
        "query": said.query(),
        "opened": opened,
    }


def row_of(row: CaseRow, said: Asked, opened: int | None = None) -> dict[str, Any]:
    """A row with its chip and its address, which keeps the list it stands in."""
    return {
        "case": row,
        "clock": row_clock(row),
        "url": reverse("desk_case", args=[row.id]) + said.query(),
        "place": place_of(row),
        "current": row.id == opened,
    }


def place_of(row: CaseRow) -> str:
    """Where, for a narrow column: without the township, which the village's name implies."""
    place = row.place_text or row.division_name
    township = directory.division_names([f"{row.division_code[:9]}000"])
    name = township.get(f"{row.division_code[:9]}000", "")
    return place.removeprefix(name) or place


def row_clock(row: CaseRow) -> dict[str, Any] | None:
    """The chip of the earliest clock; None where none runs."""
    if row.due_at is None or row.closed_at is not None:
        return None
    return {
        "label": row.due_label,
        "state": row.status if row.status in _CHIP_STATES else "ON_TIME",
        "due_at": row.due_at,
        "provisional": row.due_provisional,
    }


def queues_of(actor: Actor, said: Asked) -> dict[str, Any]:
    """The queues with their counts."""
    counts = queries.queue_counts(actor)
    here = said.query(order="")
    base = reverse("desk")

    def queue(label: str, count: int | None, late: bool = False, **wanted: Any) -> Queue:
        query = Asked(**wanted).query()
        return Queue(label, count, base + query, query == here, late)

    mine = [queue(_("全部在办"), counts.open)]
    if actor.may(Permission.CASE_HANDLE):
        mine.append(queue(_("我经办的"), counts.mine, mine=True))
    if actor.may(Permission.CASE_APPROVE):
        mine.append(queue(_("待审批"), counts.pending, pending=True))
    mine += [
        queue(_("已超期"), counts.overdue, counts.overdue > 0, overdue=True),
        queue(_("24 小时内到期"), counts.soon, soon=True),
        queue(_("督办中"), counts.supervised, supervised=True),
    ]
    if actor.may(Permission.CASE_CALL_BACK):
        mine.append(
            queue(
                _("待回访"),
                counts.of_state("CALLBACK"),
                procedure="residents_report",
                state="CALLBACK",
            )
        )
    groups = [QueueGroup(_("待办"), mine)]
    for procedure in queries.procedures():
        found = _states(counts, procedure.procedure, queue)
        if found:
            groups.append(QueueGroup(str(procedure.name), found))
    groups.append(QueueGroup(_("归档"), [queue(_("已办结"), None, closed="1")]))
    return {"groups": groups, "counts": counts}


def _states(counts: QueueCounts, procedure: str, queue: Any) -> list[Queue]:
    by_state = {
        one.state: one.count for one in counts.by_state if one.procedure == procedure and one.count
    }
    found = queries.procedure(procedure)
    return [
        queue(str(state.label), by_state[code], procedure=procedure, state=code)
        for code, state in found.states.items()
        if code in by_state
    ]


def choices_of() -> dict[str, Any]:
    """What the filters offer."""
    townships = directory.divisions(kind="TOWNSHIP")
    return {
        "procedure_choices": [(one.procedure, str(one.name)) for one in queries.procedures()],
        "category_choices": [(one.code, one.name) for one in queries.categories()],
        "division_choices": [(one.code, one.name) for one in townships],
        "unit_choices": [
            (one.id, one.short_name or one.name)
            for one in directory.organisations()
            if one.kind != "VILLAGE"
        ],
        "urgency_choices": Urgency.choices,
    }


@never_cache
@require_safe
@requires(*LOOKS)
def news(request: HttpRequest) -> JsonResponse:
    """How many of these cases belong to the list: what waits behind "3 条新事项"."""
    said = desk_filters.asked(request.GET)
    ids = ids_of(request.GET.getlist("case"), MOST_NEW)
    if not ids:
        return JsonResponse({"count": 0})
    page = queries.queue(
        directory.actor_of(request),
        QueueFilters(**{**_fields(said.filters), "ids": tuple(ids), "text": ""}),
        limit=MOST_NEW,
    )
    return JsonResponse({"count": len(page.rows)})


def _fields(filters: QueueFilters) -> dict[str, Any]:
    return {name: getattr(filters, name) for name in QueueFilters.__dataclass_fields__}


def ids_of(values: Sequence[str], most: int) -> list[int]:
    """Numbers of cases from an address or a form; what is none is left out."""
    found = [int(one) for one in values if one.isascii() and one.isdigit() and len(one) < 18]
    return list(dict.fromkeys(found))[:most]


@never_cache
@require_safe
@requires(*LOOKS, Permission.CASE_VIEW_OWN_GRID)
def case_link(request: HttpRequest, case_id: int) -> HttpResponse:
    """/cases/<id>/, as notices say it: to the page of whoever opens it."""
    actor = directory.actor_of(request)
    if actor.may(Permission.LEDGER_AUDIT):
        name = "audit_case"
    else:
        name = "desk_case" if actor.may_any(*LOOKS) else "work_task"
    return HttpResponseRedirect(reverse(name, args=[case_id]))


# The table file leaves the house: no words of reporters, no names, no places finer than a grid.
_HEADINGS: Final = (
    gettext_lazy("编号"),
    gettext_lazy("流程"),
    gettext_lazy("状态"),
    gettext_lazy("类别"),
    gettext_lazy("紧急程度"),
    gettext_lazy("乡镇村居"),
    gettext_lazy("网格编码"),
    gettext_lazy("承办单位"),
    gettext_lazy("发现时间"),
    gettext_lazy("登记时间"),
    gettext_lazy("最近时限"),
    gettext_lazy("到期时间"),
    gettext_lazy("时限状态"),
    gettext_lazy("办结时间"),
    gettext_lazy("诉求件数"),
    gettext_lazy("涉及人数"),
    gettext_lazy("是否督办"),
)


@never_cache
@require_safe
@requires(*LOOKS)
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The list as it is filtered, as CSV for a spreadsheet; at most MOST_EXPORTED rows.

    Who took it is sealed first.
    """
    actor = directory.actor_of(request)
    said = desk_filters.asked(request.GET)
    rows = list(_exported(actor, said))
    filters = said.params(text="")
    actions.record_export(
        what="cases", filters=filters, words={"q": said.text}, rows=len(rows), by=actor
    )
    name = f"{_('事项')}-{timezone.localtime():%Y%m%d-%H%M}.csv"
    return table_file(name, [str(heading) for heading in _HEADINGS], rows)


def _exported(actor: Actor, said: Asked) -> Iterator[list[object]]:
    cursor: str | None = None
    left = MOST_EXPORTED
    statuses = {"OVERDUE": _("超期"), "SOON": _("快到期"), "ON_TIME": _("未到期")}
    while left > 0:
        page = queries.queue(
            actor,
            said.filters,
            cursor=cursor,
            limit=min(200, left),
            order=said.order or queries.DUE,
        )
        for row in page.rows:
            left -= 1
            yield [
                row.number,
                row.procedure_label,
                row.state_label,
                row.category_name,
                row.urgency_label,
                row.division_name,
                row.grid_code or "",
                row.unit_name,
                local(row.discovered_at),
                local(row.created_at),
                row.due_label,
                local(row.due_at),
                statuses.get(row.status, ""),
                local(row.closed_at),
                row.report_count,
                row.people_involved,
                _("是") if row.supervised else "",
            ]
        cursor = page.next_cursor
        if cursor is None:
            return
