"""A county to measure in: places, units, staff, responsibilities and real bearer tokens."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from huying.cases import actions as cases
from huying.directory import actions as directory
from huying.directory.models import Organisation
from huying.directory.permissions import Actor, Role

BENCH: Final = Actor.system("bench")
COUNTY: Final = "990101000000"
WEST, SOUTH = 117.0, 39.0
"""South-west corner of the first grid, degrees; each grid is 0.01 degrees wide."""
TOWNSHIPS, VILLAGES, GRIDS = 4, 5, 2
CATEGORIES: Final = {
    "住建局": ("PROPERTY_MANAGEMENT", "HOUSE_QUALITY", "HEATING", "DRAINAGE"),
    "城管局": ("GARBAGE", "STREET_LIGHT", "STREET_STALLS", "GREENING", "ADVERTISING"),
    "生态环境局": ("ALERT", "AIR", "NOISE", "WATER_POLLUTION"),
    "交通局": ("ROAD_DAMAGE", "BUS"),
    "公安局": ("PARKING", "PUBLIC_ORDER", "SOCIAL_NOISE"),
    "人社局": ("WAGES", "SOCIAL_SECURITY"),
    "水务局": ("WATER_SUPPLY", "IRRIGATION"),
    "农业农村局": ("FARMLAND", "FARM_SUBSIDY", "LIVESTOCK"),
}
SCOPES: Final = ("reports:write", "cases:read", "cases:act")


@dataclass(frozen=True, slots=True)
class GridPlace:
    """A grid, a point inside it, and the account that works in it."""

    code: str
    lon: float
    lat: float
    worker: int


@dataclass(frozen=True, slots=True)
class BenchCounty:
    grids: tuple[GridPlace, ...]
    categories: tuple[str, ...]
    environment_officers: tuple[int, ...]
    clerks: tuple[int, ...]


def build() -> BenchCounty:
    """Fill an empty, migrated database; through the same actions as everybody."""
    villages, grids = _places()
    directory.import_divisions(divisions=villages, by=BENCH)
    directory.import_grids(grids=[new for new, _, _ in grids], by=BENCH)
    names = [*CATEGORIES, "综治中心"]
    directory.import_organisations(
        organisations=[
            directory.NewOrganisation(
                code=f"B{number:03d}",
                name=name,
                kind="CENTRE" if name == "综治中心" else "DEPARTMENT",
                division_code=COUNTY,
            )
            for number, name in enumerate(names)
        ],
        by=BENCH,
    )
    units = dict(Organisation.objects.values_list("name", "id"))
    officers = {name: _staff(units[name], Role.OFFICER, name, 2) for name in CATEGORIES}
    for name in CATEGORIES:
        _staff(units[name], Role.UNIT_HEAD, name, 1)
    clerks = _staff(units["综治中心"], Role.INTAKE_CLERK, "综治中心", 1)
    _staff(units["综治中心"], Role.DISPATCHER, "综治中心", 2)
    workers = _workers(units["综治中心"], [new.code for new, _, _ in grids])
    cases.set_responsibilities(
        rules=[
            cases.NewResponsibility(category=code, organisation_id=units[name])
            for name, codes in CATEGORIES.items()
            for code in codes
        ],
        by=BENCH,
    )
    return BenchCounty(
        grids=tuple(
            GridPlace(new.code, lon, lat, worker)
            for (new, lon, lat), worker in zip(grids, workers, strict=True)
        ),
        categories=tuple(
            code for codes in CATEGORIES.values() for code in codes if code != "ALERT"
        ),
        environment_officers=tuple(officers["生态环境局"]),
        clerks=tuple(clerks),
    )


def issue_tokens(county: BenchCounty, number: int) -> list[str]:
    """Bearer tokens of as many programs that hand in, act and read."""
    expires_at = timezone.now() + timedelta(days=1)
    return [
        directory.issue_token(
            account_id=county.clerks[0],
            name=f"对接程序 {one}",
            scopes=SCOPES,
            expires_at=expires_at,
            by=BENCH,
        )[1]
        for one in range(number)
    ]


def _places() -> tuple[list[directory.NewDivision], list[tuple[directory.NewGrid, float, float]]]:
    divisions = [directory.NewDivision(code=COUNTY, name="清和县")]
    grids = []
    for township in range(TOWNSHIPS):
        code = f"990101{township + 1:03d}"
        divisions.append(directory.NewDivision(code=f"{code}000", name=f"第{township + 1}镇"))
        for village in range(VILLAGES):
            inside = f"{code}{village + 201:03d}"
            divisions.append(
                directory.NewDivision(code=inside, name=f"第{township + 1}镇{village + 1}村")
            )
            for one in range(GRIDS):
                lon = WEST + 0.01 * (village * GRIDS + one)
                lat = SOUTH + 0.01 * township
                new = directory.NewGrid(
                    code=f"{inside}{one + 1:03d}",
                    name=f"第{one + 1}网格",
                    boundary=_square(lon, lat),
                )
                grids.append((new, lon + 0.005, lat + 0.005))
    return divisions, grids


def _square(lon: float, lat: float) -> dict[str, Any]:
    east, north = lon + 0.01, lat + 0.01
    ring = [[lon, lat], [east, lat], [east, north], [lon, north], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


def _staff(organisation_id: int, role: Role, unit: str, number: int) -> list[int]:
    accounts = directory.create_accounts(
        accounts=[
            directory.NewAccount(
                username=f"{role.lower()}_{organisation_id}_{one}", name=f"{unit}{one + 1}号"
            )
            for one in range(number)
        ],
        by=BENCH,
    )
    directory.grant_posts(
        posts=[
            directory.NewPost(account_id=account, organisation_id=organisation_id, role=role)
            for account in accounts
        ],
        by=BENCH,
    )
    return accounts


def _workers(organisation_id: int, codes: list[str]) -> list[int]:
    accounts = directory.create_accounts(
        accounts=[
            directory.NewAccount(username=f"grid_{code}", name=f"网格员{code[-6:]}")
            for code in codes
        ],
        by=BENCH,
    )
    directory.grant_posts(
        posts=[
            directory.NewPost(
                account_id=account,
                organisation_id=organisation_id,
                role=Role.GRID_WORKER,
                grid_code=code,
            )
            for account, code in zip(accounts, codes, strict=True)
        ],
        by=BENCH,
    )
    return accounts
