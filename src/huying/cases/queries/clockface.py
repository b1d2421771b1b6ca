"""Clocks as people read them: how each was counted, with the article."""

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _

from huying.cases.queries.results import MET, MISSED, ON_TIME, OVERDUE, PAUSED, SOON, ClockView
from huying.cases.queries.rows import SOON_WITHIN
from huying.cases.rules.clocks import Ticking, last_date
from huying.cases.rules.procedure import Procedure, Scope
from huying.cases.rules.wording import limit_words, stamp, until


def clock_views(
    procedure: Procedure, clocks: Iterable[Ticking], now: datetime
) -> tuple[ClockView, ...]:
    """These clocks, running ones first, by due time."""
    views = [clock_view(procedure, clock, now) for clock in clocks]
    return tuple(sorted(views, key=lambda view: (view.stopped_at is not None, view.due_at)))


def clock_view(procedure: Procedure, clock: Ticking, now: datetime) -> ClockView:
    spec = procedure.clocks.get(clock.name)
    return ClockView(
        id=clock.id or 0,
        name=clock.name,
        label=str(spec.label) if spec else clock.name,
        law=procedure.law,
        article=clock.article,
        source=spec.source if spec and spec.source != clock.article else "",
        limit=limit_words(clock.limit),
        scope=(Scope.CASE if clock.report_id is None else Scope.REPORT).value,
        report_id=clock.report_id,
        started_at=clock.started_at,
        due_at=clock.due_at,
        last_date=last_date(clock.due_at).date(),
        provisional=clock.provisional,
        stopped_at=clock.stopped_at,
        paused_at=clock.paused_at,
        extensions=tuple(limit_words(text) for text in clock.extensions),
        status=_status(clock, now),
        counted=counted(clock, now),
    )


def _status(clock: Ticking, now: datetime) -> str:
    if clock.stopped_at is not None:
        return MET if clock.stopped_at < clock.due_at else MISSED
    if clock.paused_at is not None:
        return PAUSED
    if clock.due_at <= now:
        return OVERDUE
    return SOON if clock.due_at - now <= SOON_WITHIN else ON_TIME


def counted(clock: Ticking, now: datetime) -> str:
    """One sentence: from when, how many of what, where it ends, and why so."""
    parts = [
        _("从%(start)s起算%(limit)s")
        % {
            "start": stamp(clock.started_at),
            "limit": limit_words(clock.limit),
        }
    ]
    if "hour" not in clock.limit:
        parts.append(_("当天不计"))
    if clock.extensions:
        longer = _("、").join(limit_words(text) for text in clock.extensions)
        parts.append(_("延期%(longer)s") % {"longer": longer})
    if clock.pauses:
        parts.append(_("扣除中止的 %(count)s 段时间") % {"count": len(clock.pauses)})
    parts.append(_("应在%(due)s办完") % {"due": until(clock.due_at, now)})
    if clock.provisional:
        parts.append(_("明年的工作日安排还没有公布，日期为暂定，公布后重新计算"))
    return (_("，").join(parts) + _("。")).strip()
