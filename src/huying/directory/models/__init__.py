"""Tables of the directory."""

from huying.directory.models.accounts import (
    Account,
    AccountManager,
    ApiToken,
    DutyShift,
    FormerPassword,
    Post,
    SignIn,
)
from huying.directory.models.parameters import Edition, WorkingYear
from huying.directory.models.people import AccessRecord, ErasedIdNumber, Household, Person
from huying.directory.models.places import Division, Grid, Organisation
from huying.directory.models.time_check import TimeCheck

__all__ = [
    "AccessRecord",
    "Account",
    "AccountManager",
    "ApiToken",
    "Division",
    "DutyShift",
    "Edition",
    "ErasedIdNumber",
    "FormerPassword",
    "Grid",
    "Household",
    "Organisation",
    "Person",
    "Post",
    "SignIn",
    "TimeCheck",
    "WorkingYear",
]
