"""Reads of the directory, for this room and for those above."""

from huying.directory.queries.access import (
    AccessRow,
    access_records,
    accounts_named,
    actors_within,
)
from huying.directory.queries.actors import (
    AccountCard,
    account_names,
    actor_for,
    actor_of,
    home_of,
    session_account_id,
)
from huying.directory.queries.calendar import (
    LONGEST_REACH_DAYS,
    CalendarGap,
    calendar_gap,
    working_calendar,
)
from huying.directory.queries.editions import forget_caches
from huying.directory.queries.own import DemoCard, OwnAccount, demo_accounts, own_account
from huying.directory.queries.people import MaskedPerson, find_people, masked_people, masked_person
from huying.directory.queries.places import (
    DivisionRef,
    GridRef,
    OrganisationRef,
    county,
    division_names,
    divisions,
    grid_at,
    grids,
    grids_geojson,
    organisation,
    organisations,
    places_edition,
)
from huying.directory.queries.staffing import (
    DutyCard,
    duty_in_turn,
    duty_roster,
    grid_workers_of,
    heads_of,
    holders_of,
    officers_on_duty,
    role_in_turn,
    staff_of,
)
from huying.directory.queries.tokens import actor_of_token

__all__ = [
    "LONGEST_REACH_DAYS",
    "AccessRow",
    "AccountCard",
    "CalendarGap",
    "DemoCard",
    "DivisionRef",
    "DutyCard",
    "GridRef",
    "MaskedPerson",
    "OrganisationRef",
    "OwnAccount",
    "access_records",
    "account_names",
    "accounts_named",
    "actor_for",
    "actor_of",
    "actor_of_token",
    "actors_within",
    "calendar_gap",
    "county",
    "demo_accounts",
    "division_names",
    "divisions",
    "duty_in_turn",
    "duty_roster",
    "find_people",
    "forget_caches",
    "grid_at",
    "grid_workers_of",
    "grids",
    "grids_geojson",
    "heads_of",
    "holders_of",
    "home_of",
    "masked_people",
    "masked_person",
    "officers_on_duty",
    "organisation",
    "organisations",
    "own_account",
    "places_edition",
    "role_in_turn",
    "session_account_id",
    "staff_of",
    "working_calendar",
]
