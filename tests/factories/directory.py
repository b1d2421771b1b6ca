"""A small county to test in: one township, two villages, three grids on a line."""

from datetime import date, timedelta
from itertools import count
from typing import Any

from django.db.models import F
from django.utils import timezone

from huying.directory import actions
from huying.directory.models import Account, Division, Grid, Organisation, TimeCheck
from huying.directory.permissions import Actor, Role
from huying.directory.queries import actor_for

COUNTY = "990101000000"
TOWNSHIP = "990101001000"
VILLAGE = "990101001001"
OTHER_VILLAGE = "990101001201"
GRIDS = ("990101001001001", "990101001001002", "990101001201001")
SYSTEM = Actor.system("tests")
PASSWORD = "Qinghe-2026-ok"

_numbers = count(1)


def square(lon: float, lat: float, size: float = 0.01) -> dict[str, Any]:
    """A GeoJSON square with its south-west corner at (lon, lat)."""
    return {
        "type": "Polygon",
        "coordinates": [
            [
                [lon, lat],
                [lon + size, lat],
                [lon + size, lat + size],
                [lon, lat + size],
                [lon, lat],
            ]
        ],
    }


def make_places() -> None:
    """Divisions and three grids at 117.00, 117.01 and 117.02 E, 39.00 N, 0.01 degrees wide."""
    if Division.objects.filter(pk=COUNTY).exists():
        return
    actions.import_divisions(
        divisions=[
            actions.NewDivision(code=COUNTY, name="清和县"),
            actions.NewDivision(code=TOWNSHIP, name="城关镇"),
            actions.NewDivision(code=VILLAGE, name="东门社区"),
            actions.NewDivision(code=OTHER_VILLAGE, name="柳林村"),
        ],
        by=SYSTEM,
    )
    actions.import_grids(
        grids=[
            actions.NewGrid(
                code=code, name=f"第{n + 1}网格", boundary=square(117.0 + n * 0.01, 39.0)
            )
            for n, code in enumerate(GRIDS)
        ],
        by=SYSTEM,
    )


def make_organisation(
    code: str = "", *, name: str = "", kind: str = "DEPARTMENT", division: str = COUNTY
) -> Organisation:
    make_places()
    code = code or f"D{next(_numbers):03d}"
    actions.import_organisations(
        organisations=[
            actions.NewOrganisation(
                code=code, name=name or f"单位{code}", kind=kind, division_code=division
            )
        ],
        by=SYSTEM,
    )
    return Organisation.objects.get(code=code)


def make_account(username: str = "", *, name: str = "张伟", password: str | None = None) -> Account:
    account_id = actions.create_account(
        username=username or f"u{next(_numbers)}",
        name=name,
        password=password,
        must_change_password=False,
        by=SYSTEM,
    )
    return Account.objects.get(pk=account_id)


def make_post(
    account: Account,
    role: Role,
    *,
    organisation: Organisation | None = None,
    division: str | None = None,
    grid: str | None = None,
    start_date: date | None = None,
    end_date: date | None = None,
) -> int:
    organisation = organisation or make_organisation()
    if role is Role.GRID_WORKER:
        grid = grid or GRIDS[0]
    return actions.grant_post(
        post=actions.NewPost(
            account_id=account.pk,
            organisation_id=organisation.pk,
            role=role,
            division_code=division,
            grid_code=grid,
            start_date=start_date,
            end_date=end_date,
        ),
        by=SYSTEM,
    )


def make_staff(
    role: Role,
    *,
    name: str = "张伟",
    username: str = "",
    password: str | None = None,
    organisation: Organisation | None = None,
    division: str | None = None,
    grid: str | None = None,
) -> Actor:
    """An account with one post; returns the actor it stands for."""
    account = make_account(username, name=name, password=password)
    make_post(account, role, organisation=organisation, division=division, grid=grid)
    return actor_for(account.pk)


def make_grid(code: str) -> Grid:
    make_places()
    return Grid.objects.get(pk=code)


def make_token(*scopes: str) -> str:
    """A bearer token with these scopes, valid for a day."""
    _, token = actions.issue_token(
        account_id=make_account().pk,
        name="对接系统",
        scopes=list(scopes),
        expires_at=timezone.now() + timedelta(days=1),
        by=SYSTEM,
    )
    return token


def account_of(actor: Actor) -> Account:
    """The account behind a member of staff."""
    return Account.objects.get(pk=actor.own_account())


def jump(seconds: float) -> None:
    """As though the clock had been set ahead by so much since the last look (negative: back)."""
    actions.check_time(job="tests", by=SYSTEM)
    TimeCheck.objects.update(checked_at=F("checked_at") - timedelta(seconds=seconds))


def let_pass(seconds: float) -> None:
    """As though so much time had gone by since the last look."""
    TimeCheck.objects.update(
        checked_at=F("checked_at") - timedelta(seconds=seconds), steady_s=F("steady_s") - seconds
    )
