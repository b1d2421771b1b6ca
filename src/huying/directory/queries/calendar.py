"""The working calendar of the county, and what it lacks."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from huying.directory.models import WorkingYear
from huying.directory.queries.editions import CALENDAR, Kept
from huying.standards.working_days import WorkingCalendar, published_calendar

# The longest procedures reach this far: 60 days and 30 more, or 45 working days.
LONGEST_REACH_DAYS = 120


def _load() -> WorkingCalendar:
    calendar = published_calendar()
    for year, holidays, make_up_days in WorkingYear.objects.order_by("year").values_list(
        "year", "holidays", "make_up_days"
    ):
        calendar = calendar.with_year(
            year, map(date.fromisoformat, holidays), map(date.fromisoformat, make_up_days)
        )
    return calendar


_calendar = Kept(CALENDAR, _load)


def working_calendar() -> WorkingCalendar:
    """Published years, and over them what the county imported."""
    return _calendar()


def calendar_imports() -> dict[int, datetime]:
    """When the county last imported a year, by year."""
    return dict(WorkingYear.objects.values_list("year", "imported_at"))


@dataclass(frozen=True, slots=True)
class CalendarGap:
    """A year that deadlines already reach or soon will, and whose calendar is missing."""

    year: int
    reached_already: bool


def calendar_gap(today: date) -> list[CalendarGap]:
    """Missing years that deadlines reach now, or will within a further sixty days."""
    calendar = working_calendar()
    reach = today + timedelta(days=LONGEST_REACH_DAYS)
    now_missing = calendar.missing_years(today, reach)
    soon_missing = calendar.missing_years(today, reach + timedelta(days=60))
    return [CalendarGap(year, year in now_missing) for year in soon_missing]
