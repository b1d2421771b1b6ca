"""The county's units and the people who work in them; none of them exists."""

from dataclasses import dataclass

import numpy as np

from huying.simulation.fiction import person_names
from huying.simulation.fiction.land import GridPlace, Land

CENTRE = "CENTRE"
GOVERNMENT = "GOVERNMENT"
# code, name, short name, last digits of the telephone
DEPARTMENTS = (
    ("ECOLOGY", "清和县生态环境局", "生态环境局", "2101"),
    ("HOUSING", "清和县住房和城乡建设局", "住建局", "2102"),
    ("URBAN", "清和县城市管理局", "城管局", "2103"),
    ("TRANSPORT", "清和县交通运输局", "交通运输局", "2104"),
    ("WATER", "清和县水利局", "水利局", "2105"),
    ("AGRICULTURE", "清和县农业农村局", "农业农村局", "2106"),
    ("POLICE", "清和县公安局", "公安局", "2107"),
    ("CIVIL", "清和县民政局", "民政局", "2108"),
    ("LABOUR", "清和县人力资源和社会保障局", "人社局", "2109"),
    ("MARKET", "清和县市场监督管理局", "市场监管局", "2110"),
    ("HEALTH", "清和县卫生健康局", "卫健局", "2111"),
    ("EDUCATION", "清和县教育局", "教育局", "2112"),
)
_LOCAL = "876"  # telephones are given without an area code: the county has none
_OFFICERS_A_DEPARTMENT = 3
_DISPATCHERS = 4
_CLERKS = 4

# The people of the demonstration, one a role: they come first, with the lowest numbers.
_DEMO = (
    ("LEADER", GOVERNMENT, "梁致远"),
    ("DISPATCHER", CENTRE, "林晓雯"),
    ("OFFICER", "ECOLOGY", "周海涛"),
    ("UNIT_HEAD", "ECOLOGY", "韩卫平"),
    ("GRID_WORKER", "", "张桂兰"),
    ("INTAKE_CLERK", CENTRE, "孙小敏"),
    ("AUDITOR", GOVERNMENT, "郝明义"),
    ("SYSTEM_ADMIN", GOVERNMENT, "程一帆"),
    ("SECURITY_ADMIN", GOVERNMENT, "顾思远"),
)
ROLE_INITIALS = {
    "LEADER": "ld",
    "DISPATCHER": "dd",
    "OFFICER": "jb",
    "UNIT_HEAD": "fz",
    "GRID_WORKER": "wg",
    "INTAKE_CLERK": "sl",
    "AUDITOR": "sj",
    "SYSTEM_ADMIN": "xt",
    "SECURITY_ADMIN": "aq",
}


@dataclass(frozen=True, slots=True)
class Office:
    """A unit; `parent` and `division` are codes ("" = none)."""

    code: str
    name: str
    short_name: str
    kind: str
    division: str
    parent: str
    phone: str
    address: str
    opening_hours: str = "周一至周五 8:30—12:00、14:00—17:30"


@dataclass(frozen=True, slots=True)
class Worker:
    """A member of staff with one post. `division` "" and `grid` "" where the post has none."""

    username: str
    name: str
    role: str
    office: str
    division: str
    grid: str


def offices(land: Land, rng: np.random.Generator) -> list[Office]:
    """Parents before children."""
    found = [
        Office(
            GOVERNMENT,
            "清和县人民政府办公室",
            "县政府办",
            "OTHER",
            land.code,
            "",
            f"{_LOCAL}2000",
            "清和县府前街 1 号",
        ),
        Office(
            CENTRE,
            "清和县综治中心",
            "县综治中心",
            "CENTRE",
            land.code,
            GOVERNMENT,
            f"{_LOCAL}2345",
            "清和县府前街 8 号政务服务大厅一楼",
            "周一至周六 8:30—17:30，中午不休息",
        ),
    ]
    for at, (code, name, short, last) in enumerate(DEPARTMENTS):
        found.append(
            Office(
                code,
                name,
                short,
                "DEPARTMENT",
                land.code,
                GOVERNMENT,
                f"{_LOCAL}{last}",
                f"清和县{('府前街', '建设街', '人民路', '振兴路')[at % 4]} {12 + at * 7} 号",
            )
        )
    for at, township in enumerate(land.townships):
        suffix = "办事处" if township.kind == "SUBDISTRICT" else "人民政府"
        found.append(
            Office(
                f"T{township.code[:9]}",
                f"清和县{township.name}{suffix}",
                township.name,
                "TOWNSHIP",
                township.code,
                GOVERNMENT,
                f"{_LOCAL}3{at:02d}0",
                f"清和县{township.name}{'文化路' if at % 2 else '中心街'} {rng.integers(1, 90)} 号",
            )
        )
    for at, village in enumerate(land.villages):
        committee = "居民委员会" if village.name.endswith("社区") else "村民委员会"
        found.append(
            Office(
                f"V{village.code}",
                f"{land.township(village.township_code).name}{village.name}{committee}",
                village.name,
                "VILLAGE",
                village.code,
                f"T{village.township_code[:9]}",
                f"{_LOCAL}{4000 + at}",
                f"{village.name}党群服务中心",
            )
        )
    return found


def demo_grid(land: Land) -> GridPlace:
    """The grid of the demonstration's grid worker: in town, the first ordinary one."""
    return next(g for g in land.grids if g.urban and g.kind == "GENERAL")


def workers(land: Land, rng: np.random.Generator) -> list[Worker]:
    """All staff, the demonstration's people first; user names are initials and a number."""
    plan: list[tuple[str, str, str, str, str]] = []  # role, office, division, grid, name
    special = demo_grid(land)
    for role, office, name in _DEMO:
        if role == "GRID_WORKER":
            plan.append(
                (role, f"V{special.village_code}", special.village_code, special.code, name)
            )
        else:
            plan.append((role, office, land.code, "", name))
    for code, *_ in DEPARTMENTS:
        heads = 0 if code == "ECOLOGY" else 1
        officers = _OFFICERS_A_DEPARTMENT - (1 if code == "ECOLOGY" else 0)
        plan += [("UNIT_HEAD", code, land.code, "", "")] * heads
        plan += [("OFFICER", code, land.code, "", "")] * officers
    plan += [("LEADER", GOVERNMENT, land.code, "", "")]
    plan += [("UNIT_HEAD", CENTRE, land.code, "", "")]
    plan += [("DISPATCHER", CENTRE, land.code, "", "")] * (_DISPATCHERS - 1)
    plan += [("INTAKE_CLERK", CENTRE, land.code, "", "")] * (_CLERKS - 1)
    for township in land.townships:
        office = f"T{township.code[:9]}"
        plan += [("UNIT_HEAD", office, township.code, "", "")]
        plan += [("OFFICER", office, township.code, "", "")] * 2
    plan += [("OFFICER", f"V{v.code}", v.code, "", "") for v in land.villages]
    plan += [
        ("GRID_WORKER", f"V{g.village_code}", g.village_code, g.code, "")
        for g in land.grids
        if g.code != special.code
    ]
    made = _names(len(plan), rng, {name for *_, name in plan if name})
    count: dict[str, int] = {}
    found = []
    for (role, office, division, grid, name), drawn in zip(plan, made, strict=True):
        count[role] = count.get(role, 0) + 1
        found.append(
            Worker(
                username=f"{ROLE_INITIALS[role]}{count[role]:04d}",
                name=name or drawn,
                role=role,
                office=office,
                division=division,
                grid=grid,
            )
        )
    return found


def _names(count: int, rng: np.random.Generator, taken: set[str]) -> list[str]:
    """Names of working people; the few that repeat are drawn again."""
    found: list[str] = []
    while len(found) < count:
        female = rng.random(count) < 0.45
        years = rng.integers(1968, 2000, count)
        family = person_names.surnames(rng, count)
        for name in np.char.add(family, person_names.given_names(rng, female, years)).tolist():
            if name not in taken and len(found) < count:
                taken.add(name)
                found.append(name)
    return found
