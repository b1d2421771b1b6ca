"""How a clock of a procedure starts, stands still, is extended and ends.

The counting itself is `standards.deadlines`; here is only what a clock remembers. Values in,
values out: nothing is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from huying.cases.rules.changing import changed
from huying.cases.rules.procedure import Clock, Scope
from huying.standards.deadlines import (
    SHANGHAI,
    Due,
    Limit,
    LimitUnit,
    Pause,
    RollOver,
    due,
)
from huying.standards.working_days import WorkingCalendar


@dataclass(frozen=True)
class Ticking:
    """A clock as stored. `id` None = not stored yet."""

    name: str
    report_id: int | None
    limit: str
    article: str
    started_at: datetime
    due_at: datetime
    provisional: bool
    id: int | None = None
    stopped_at: datetime | None = None
    paused_at: datetime | None = None
    pauses: tuple[tuple[datetime, datetime], ...] = ()
    extensions: tuple[str, ...] = ()
    warn_at: datetime | None = None
    warned_at: datetime | None = None
    escalated_at: datetime | None = None

    @property
    def runs(self) -> bool:
        return self.stopped_at is None and self.paused_at is None


def start(
    name: str,
    spec: Clock,
    facts: dict[str, str],
    *,
    report_id: int | None,
    now: datetime,
    calendar: WorkingCalendar,
) -> Ticking:
    """The clock, started now, with the limit a matter with these facts has."""
    limit = spec.limit_for(facts)
    ends = due(now, limit, calendar, roll_over=spec.roll_over)
    return Ticking(
        name=name,
        report_id=report_id if spec.scope is Scope.REPORT else None,
        limit=str(limit),
        article=spec.basis,
        started_at=now,
        due_at=ends.at,
        provisional=ends.provisional,
        warn_at=_warning(spec, ends.at, now, calendar),
    )


def stop(clock: Ticking, now: datetime) -> Ticking:
    """Stopped now; a pause that was open ends with it."""
    return changed(clock, stopped_at=max(now, clock.started_at), paused_at=None)


def pause(clock: Ticking, now: datetime) -> Ticking:
    """Standing still from now. The due time is settled when it goes on."""
    return changed(clock, paused_at=max(now, clock.started_at)) if clock.runs else clock


def resume(clock: Ticking, spec: Clock | None, now: datetime, calendar: WorkingCalendar) -> Ticking:
    """Going on from now, the pause taken out of the count."""
    if clock.paused_at is None or clock.stopped_at is not None:
        return clock
    paused = (clock.paused_at, max(now, clock.paused_at))
    return recount(changed(clock, paused_at=None, pauses=(*clock.pauses, paused)), spec, calendar)


def extend(clock: Ticking, spec: Clock | None, by: Limit, calendar: WorkingCalendar) -> Ticking:
    """Longer by so much, counted from where the limit ended; to be warned of anew."""
    longer = changed(
        clock,
        extensions=(*clock.extensions, str(by)),
        warned_at=None,
        escalated_at=None,
    )
    return recount(longer, spec, calendar)


def recount(clock: Ticking, spec: Clock | None, calendar: WorkingCalendar) -> Ticking:
    """The due time counted anew from what the clock remembers, as after an imported year."""
    ends = counted(clock, spec, calendar)
    return changed(
        clock,
        due_at=ends.at,
        provisional=ends.provisional,
        warn_at=_warning(spec, ends.at, clock.started_at, calendar) if spec else clock.warn_at,
    )


def counted(clock: Ticking, spec: Clock | None, calendar: WorkingCalendar) -> Due:
    """When the clock ends by this calendar."""
    return due(
        clock.started_at,
        Limit.parse(clock.limit),
        calendar,
        roll_over=spec.roll_over if spec else RollOver.DAYS_OFF,
        extensions=[Limit.parse(text) for text in clock.extensions],
        pauses=[Pause(*pair) for pair in clock.pauses],
    )


def earliest(clocks: Iterable[Ticking]) -> Ticking | None:
    """The running clock that ends first."""
    return min(
        (clock for clock in clocks if clock.runs),
        key=lambda clock: (clock.due_at, clock.name),
        default=None,
    )


def last_date(due_at: datetime, tz: tzinfo = SHANGHAI) -> datetime:
    """The local day to show: a limit in days ends at midnight, which is the day before's end."""
    local = due_at.astimezone(tz)
    return local - timedelta(seconds=1) if local.time() == time() else local


def _warning(
    spec: Clock, due_at: datetime, started_at: datetime, calendar: WorkingCalendar
) -> datetime | None:
    """So much before the end; None where the whole limit is not longer than that."""
    before = spec.warn_before
    if before is None:
        return None
    if before.unit is LimitUnit.HOURS:
        at = due_at - timedelta(hours=before.amount)
    elif before.unit is LimitUnit.CALENDAR_DAYS:
        at = due_at - timedelta(days=before.amount)
    else:
        at = _working_days_before(due_at, before.amount, calendar)
    return at if at > started_at else None


def _working_days_before(due_at: datetime, days: int, calendar: WorkingCalendar) -> datetime:
    local = due_at.astimezone(SHANGHAI)
    day = calendar.working_day_before(local.date(), days)
    return datetime.combine(day, local.time(), SHANGHAI).astimezone(UTC)
