"""Importing the published calendar of a year."""

from django.db import transaction
from django.utils import timezone

from huying.directory.actions.freshness import raise_edition
from huying.directory.events import WorkingYearImported, working_year_imported
from huying.directory.models import WorkingYear
from huying.directory.permissions import Actor, DomainError, Permission
from huying.directory.queries.calendar import working_calendar
from huying.directory.queries.editions import CALENDAR
from huying.ledger.actions import record
from huying.standards.errors import InvalidInput
from huying.standards.working_days import parse_calendar_table


class CalendarRefused(DomainError):
    """The table has mistakes; all of them are named and nothing was imported."""

    code = "CALENDAR_TABLE_INVALID"
    status = 422


def import_working_year(*, table: str, source: str, by: Actor) -> tuple[int, ...]:
    """Import a table of holidays and make-up days (CSV or JSON); returns the years it changed.

    `source` is the notice it comes from, e.g. "国办发明电〔2026〕x号". Subscribers count
    provisional due dates anew in the same transaction. Raises `CalendarRefused`.
    """
    by.require(Permission.DIRECTORY_MANAGE)
    if not source.strip():
        raise CalendarRefused("请写明依据的通知文号。", "Name the notice the table comes from.")
    before = working_calendar()
    try:
        after = before.with_entries(parse_calendar_table(table))
    except InvalidInput as error:
        raise CalendarRefused(error.zh, error.en, code=error.code) from None
    changed = tuple(
        year for year in sorted(after.tables) if after.tables[year] != before.tables.get(year)
    )
    now = timezone.now()
    with transaction.atomic():
        for year in changed:
            found = after.tables[year]
            WorkingYear.objects.update_or_create(
                year=year,
                defaults={
                    "holidays": [day.isoformat() for day in sorted(found.holidays)],
                    "make_up_days": [day.isoformat() for day in sorted(found.make_up_days)],
                    "source": source.strip()[:120],
                    "imported_at": now,
                },
            )
            record(
                kind="working_year.imported",
                subject=f"working_year:{year}",
                by=by.ref,
                body={
                    "holidays": len(found.holidays),
                    "make_up_days": len(found.make_up_days),
                    "source": source.strip()[:120],
                },
            )
        if changed:
            raise_edition(CALENDAR)
        for year in changed:
            working_year_imported.send(sender=WorkingYear, event=WorkingYearImported(year))
    return changed
