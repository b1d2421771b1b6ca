"""Lists of cases: who sees what, narrowed, searched by words, paged, counted."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db.models import Count, F, Max, Q, Sum, Value
from django.utils import timezone

from huying.cases.models import Case, CaseQuerySet, CaseTally, Clock, Measure, Report, view_of
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.results import (
    CaseRow,
    Page,
    QueueCounts,
    QueueFilters,
    StateCount,
)
from huying.cases.queries.rows import (
    SOON_WITHIN,
    cursor_of,
    keys_of,
    rows_numbered,
    rows_of,
    state_label,
)
from huying.cases.rules import receipts
from huying.cases.rules.words import query_of
from huying.directory.permissions import Actor

DUE, NEWEST = "DUE", "NEWEST"
LARGEST_PAGE: Final = 200
_DUE_FIRST: Final = F("due_at").asc(nulls_last=True)
_NUMBER: Final = re.compile(r"\d{4}-\d{1,12}")
# Words are looked for among so many of the newest cases first, then ten times further back: a
# page of a common word is filled from the first, and history is read for a rare one alone.
_FIRST_SPAN: Final = 20_000
_NOTHING_ASKED: Final = QueueFilters(closed=None)


def queue(
    actor: Actor,
    filters: QueueFilters | None = None,
    cursor: str | None = None,
    limit: int = 50,
    order: str = DUE,
    now: datetime | None = None,
) -> Page[CaseRow]:
    """The cases this actor may see, narrowed, a page of them.

    order  DUE = by the earliest clock (open cases), NEWEST = latest first. A search by words
           and a list with closed cases are always latest first.
    """
    filters = filters or QueueFilters()
    now = now or timezone.now()
    limit = max(1, min(limit, LARGEST_PAGE))
    text = filters.text.strip()
    if _NUMBER.fullmatch(text) and _is_plain(filters) and view_of(actor).everything:
        return Page(rows_numbered(text, now, closed=filters.closed), None)
    cases = _narrowed(Case.objects.visible_to(actor), actor, filters, now)
    if text:
        exact = _exactly(text)
        if exact is not None:
            return Page(rows_of(cases.filter(exact).order_by("-id")[:limit], now), None)
        return _by_words(cases, text, filters, cursor, limit, now)
    if order == NEWEST or filters.closed is not False:
        return _newest(cases, cursor, limit, now)
    return _by_due(cases, cursor, limit, now)


def _is_plain(filters: QueueFilters) -> bool:
    """Whether nothing is asked for but a text, among open cases, closed ones or both."""
    return (
        replace(filters, states=tuple(filters.states), ids=tuple(filters.ids), text="", closed=None)
        == _NOTHING_ASKED
    )


def _narrowed(
    cases: CaseQuerySet, actor: Actor, filters: QueueFilters, now: datetime
) -> CaseQuerySet:
    wanted = Q()
    if filters.closed is not None:
        wanted &= Q(closed_at__isnull=not filters.closed)
    if filters.states:
        wanted &= Q(state__in=list(filters.states))
    if filters.mine:
        wanted &= Q(officer=actor.account_id)
    for name, value in (
        ("procedure", filters.procedure),
        ("category", filters.category),
        ("kind", filters.kind),
        ("grid_code", filters.grid),
        ("urgency", filters.urgency),
        ("lead_organisation", filters.unit),
        ("officer", filters.officer),
        ("created_at__gte", filters.since),
        ("created_at__lt", filters.until),
    ):
        if value:
            wanted &= Q(**{name: value})
    if filters.division:
        wanted &= Q(division_code__startswith=_prefix(filters.division))
    if filters.ids:
        wanted &= Q(pk__in=list(filters.ids))
    if filters.pending:
        wanted &= ~Q(pending={})
    if filters.supervised:
        wanted &= Q(supervised=True)
    if filters.overdue:
        wanted &= Q(due_at__lte=now)
    elif filters.soon:
        wanted &= Q(due_at__gt=now, due_at__lte=now + SOON_WITHIN)
    if filters.clock:
        running = Clock.objects.filter(name=filters.clock, stopped_at__isnull=True)
        wanted &= Q(pk__in=running.values("case"))
    return cases.filter(wanted)


def _prefix(code: str) -> str:
    """A division code without the zeros below its level: 990101003000 → 990101003."""
    if len(code) != 12:
        return code
    for length in (6, 9):
        if set(code[length:]) == {"0"}:
            return code[:length]
    return code


def _exactly(text: str) -> Q | None:
    """A receipt or a case number, where the text is one."""
    if _NUMBER.fullmatch(text):
        return Q(number=text)
    receipt = receipts.read(text)
    if receipt:
        found = Report.objects.filter(receipt=receipt).values_list("case_id", flat=True)
        return Q(pk__in=list(found))
    return None


def _by_due(cases: CaseQuerySet, cursor: str | None, limit: int, now: datetime) -> Page[CaseRow]:
    if cursor:
        due_text, last = keys_of(cursor, 2)
        if due_text is None:
            cases = cases.filter(due_at__isnull=True, pk__gt=last)
        else:
            due = datetime.fromisoformat(due_text)
            cases = cases.filter(
                Q(due_at__gt=due) | Q(due_at=due, pk__gt=last) | Q(due_at__isnull=True)
            )
    from_here = cases.order_by(_DUE_FIRST, "id")[: limit + 1]
    rows = rows_of(from_here, now)
    if len(rows) <= limit:
        return Page(rows, None)
    rows = rows[:limit]
    return Page(rows, cursor_of(rows[-1].due_at, rows[-1].id))


def _newest(cases: CaseQuerySet, cursor: str | None, limit: int, now: datetime) -> Page[CaseRow]:
    if cursor:
        (last,) = keys_of(cursor, 1)
        cases = cases.filter(pk__lt=last)
    return _page(rows_of(cases.order_by("-id")[: limit + 1], now), limit)


def _page(rows: list[CaseRow], limit: int) -> Page[CaseRow]:
    if len(rows) <= limit:
        return Page(rows, None)
    rows = rows[:limit]
    return Page(rows, cursor_of(rows[-1].id))


def _by_words(
    cases: CaseQuerySet,
    text: str,
    filters: QueueFilters,
    cursor: str | None,
    limit: int,
    now: datetime,
) -> Page[CaseRow]:
    query = query_of(text)
    if not query:
        return Page([], None)
    # Sorted by a sum, so that no plan walks back through all cases in the hope of a match soon:
    # it reads those with the words, or those that this actor may see, whichever are fewer.
    newest_first = (F("id") + 0).desc()
    matching = cases.matching(query).order_by(newest_first)
    if filters.closed is False:
        # Few, however long the history is; one character alone stands in most of all cases.
        if ":*" in query:
            matching = cases.matching(query, by_index=False).order_by(newest_first)
        if cursor:
            (last,) = keys_of(cursor, 1)
            matching = matching.filter(pk__lt=last)
        return _page(rows_of(matching[: limit + 1], now), limit)
    rows: list[CaseRow] = []
    newest, span = _newest_asked(cursor), _FIRST_SPAN
    while newest > 0 and len(rows) <= limit:
        oldest = newest - span
        window = matching.filter(pk__gt=oldest, pk__lte=newest)
        rows += rows_of(window[: limit + 1 - len(rows)], now)
        newest, span = oldest, span * 10
    return _page(rows, limit)


def _newest_asked(cursor: str | None) -> int:
    if cursor:
        (last,) = keys_of(cursor, 1)
        return int(last) - 1
    return Case.objects.aggregate(newest=Max("id"))["newest"] or 0


def queue_counts(actor: Actor, now: datetime | None = None) -> QueueCounts:
    """The numbers beside the queues: open cases this actor sees.

    By state from the tallies; overdue, soon, mine and supervised from the open cases alone.
    Cases the actor's unit only assists with are in the lists, not in the numbers by state.
    """
    now = now or timezone.now()
    tallies = CaseTally.objects.filter(measure=Measure.OPEN)
    view = view_of(actor)
    if not view.everything:
        tallies = tallies.filter(
            view.within("division_code", "grid_code") | Q(organisation_id__in=view.units)
        )
    by_state = tuple(
        StateCount(name, state, state_label(procedure_of(name), state), total)
        for name, state, total in tallies.values("procedure", "state")
        .annotate(total=Sum("count"))
        .filter(total__gt=0)
        .order_by("procedure", "state")
        .values_list("procedure", "state", "total")
    )
    seen = Case.objects.visible_to(actor).open()
    counted = _counted(
        overdue=seen.filter(due_at__lte=now),
        soon=seen.filter(due_at__gt=now, due_at__lte=now + SOON_WITHIN),
        mine=seen.filter(officer=actor.account_id, officer__isnull=False),
        supervised=seen.filter(supervised=True),
        pending=seen.exclude(pending={}),
    )
    return QueueCounts(
        open=sum(row.count for row in by_state),
        **counted,
        by_state=by_state,
    )


def _counted(**asked: CaseQuerySet) -> dict[str, int]:
    """How many cases each of these has, in one statement.

    Each is a count of its own, because each condition has an index that answers it alone; one
    pass with five filters reads the cases themselves.
    """
    first, *others = (
        cases.order_by().annotate(what=Value(name)).values_list("what").annotate(Count("id"))
        for name, cases in asked.items()
    )
    return dict.fromkeys(asked, 0) | dict(first.union(*others, all=True))
