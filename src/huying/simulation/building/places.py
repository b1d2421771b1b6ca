"""Divisions, grids, units, staff, posts and duty shifts."""

import datetime as dt
from collections.abc import Sequence

from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from huying.directory import actions, queries
from huying.directory.permissions import Actor, Role
from huying.simulation.fiction.land import Land
from huying.simulation.fiction.offices import CENTRE, DEPARTMENTS, Office, Worker
from huying.standards.deadlines import SHANGHAI

_SHIFT_DAYS_AHEAD = 30


class Staff:
    """Who there is: unit ids by code, account ids by role, unit and grid."""

    def __init__(
        self, office_ids: dict[str, int], account_ids: list[int], workers: Sequence[Worker]
    ) -> None:
        self.office_ids = office_ids
        self.account_ids = account_ids
        self._of: dict[tuple[str, str], list[int]] = {}
        self._of_grid: dict[str, int] = {}
        for account, worker in zip(account_ids, workers, strict=True):
            self._of.setdefault((worker.role, ""), []).append(account)
            self._of.setdefault((worker.role, worker.office), []).append(account)
            if worker.grid:
                self._of_grid.setdefault(worker.grid, account)

    def of(self, role: str, office: str = "") -> list[int]:
        """Accounts of a role, in a unit or anywhere."""
        return self._of.get((role, office), [])

    def grid_worker(self, grid_code: str) -> int:
        """The worker of a grid."""
        return self._of_grid[grid_code]


def build_places(land: Land, by: Actor) -> None:
    """Divisions and grids, with their polygons."""
    centre = land.boundary.representative_point()
    rows = [
        actions.NewDivision(
            code=land.code,
            name=land.name,
            boundary=_geojson(land.boundary),
            center_lon=round(centre.x, 6),
            center_lat=round(centre.y, 6),
        )
    ]
    rows += [
        actions.NewDivision(code=one.code, name=one.name, boundary=_geojson(one.boundary))
        for one in land.townships
    ]
    rows += [
        actions.NewDivision(code=one.code, name=one.name, boundary=_geojson(one.boundary))
        for one in land.villages
    ]
    actions.import_divisions(divisions=rows, by=by)
    grids = [
        actions.NewGrid(code=one.code, name=one.name, kind=one.kind, boundary=_geojson(one.polygon))
        for one in land.grids
    ]
    result = actions.import_grids(grids=grids, by=by)
    if result.warnings:
        raise AssertionError(f"the grids must tile: {result.warnings[0]}")


def _geojson(shape: BaseGeometry) -> object:
    return mapping(shape)


def build_staff(
    offices: Sequence[Office], workers: Sequence[Worker], today: dt.date, by: Actor
) -> Staff:
    """Units, accounts without a password (one-click sign-in only), posts, shifts."""
    actions.import_organisations(
        organisations=[
            actions.NewOrganisation(
                code=one.code,
                name=one.name,
                short_name=one.short_name,
                kind=one.kind,
                division_code=one.division,
                parent_code=one.parent,
                phone=one.phone,
                address=one.address,
                opening_hours=one.opening_hours,
            )
            for one in offices
        ],
        by=by,
    )
    office_ids = {one.code: one.id for one in queries.organisations()}
    account_ids = actions.create_accounts(
        accounts=[actions.NewAccount(username=one.username, name=one.name) for one in workers],
        by=by,
    )
    actions.grant_posts(
        posts=[
            actions.NewPost(
                account_id=account,
                organisation_id=office_ids[one.office],
                role=Role(one.role),
                division_code=one.division or None,
                grid_code=one.grid or None,
                start_date=today - dt.timedelta(days=400),
            )
            for account, one in zip(account_ids, workers, strict=True)
        ],
        by=by,
    )
    staff = Staff(office_ids, account_ids, workers)
    actions.set_shifts(shifts=_shifts(staff, today), by=by)
    return staff


def _shifts(staff: Staff, today: dt.date) -> list[actions.NewShift]:
    """Day by day from 08:00 to 08:00, officers in turn; rank 2 stands behind.

    The first day is the demonstration's: its own officer and dispatcher are on duty.
    """
    found = []
    for office in (CENTRE, *(code for code, *_ in DEPARTMENTS)):
        role = "DISPATCHER" if office == CENTRE else "OFFICER"
        people = staff.of(role, office)
        for ahead in range(-1, _SHIFT_DAYS_AHEAD):
            day = today + dt.timedelta(days=ahead)
            starts_at = dt.datetime.combine(day, dt.time(8), SHANGHAI)
            turn = max(ahead, 0) // 2
            for rank in (1, 2):
                found.append(
                    actions.NewShift(
                        organisation_id=staff.office_ids[office],
                        account_id=people[(turn + rank - 1) % len(people)],
                        starts_at=starts_at,
                        ends_at=starts_at + dt.timedelta(days=1),
                        rank=rank,
                    )
                )
    return found
