"""What residents write and what units answer: a grammar of templates and places."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from huying.simulation.fiction import place_names
from huying.simulation.fiction.land import GridPlace, Land

TOWNSHIP_ANSWERS = "TOWNSHIP"
_HERE = Path(__file__).parent
_BESIDE_TOWN = ("门口", "附近", "旁边", "对面", "东侧", "西侧", "后面", "路口")
_BESIDE_COUNTRY = ("附近", "旁边", "门口", "前面", "东边", "西边", "北头", "南头")
_SIDES = ("东", "西", "南", "北")
_DRAWS = 16


@dataclass(frozen=True, slots=True)
class Subject:
    """A category of matters: how often, when, where, who answers, how long that takes."""

    code: str
    category: str  # of the county's dictionary
    unit: str
    rural: str
    weight: float
    season: tuple[float, ...]
    days: float
    where: str  # TOWN | COUNTRY | BOTH
    details: tuple[str, ...]
    town_stories: tuple["Story", ...]
    country_stories: tuple["Story", ...]

    def office(self, grid: GridPlace) -> str:
        """The code of the unit that answers for it there."""
        unit = self.unit if grid.urban else self.rural
        return f"T{grid.village_code[:9]}" if unit == TOWNSHIP_ANSWERS else unit


@dataclass(frozen=True, slots=True)
class Story:
    """What is wrong, in words that belong together."""

    title: str
    says: str
    replies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """One report's words."""

    title: str
    text: str
    place: str
    reply: str


@dataclass(frozen=True, slots=True)
class Grammar:
    subjects: tuple[Subject, ...]
    others: Mapping[str, str]
    urgent: frozenset[str]
    openings: tuple[str, ...]
    durations: tuple[str, ...]
    times: tuple[str, ...]
    asks: tuple[str, ...]

    def say(
        self, subject: Subject, land: Land, grid: GridPlace, dice: npt.NDArray[np.int64]
    ) -> Said:
        """Words for a matter there; `dice` are 16 large random numbers that decide them."""
        draw = dice.tolist()
        place = _place(land, grid, draw[:5])
        village = land.village(grid.village_code).name
        home = place_names.ESTATES[draw[5] % len(place_names.ESTATES)] if grid.urban else village
        slots = {
            "p": place,
            "e": home,
            "d": self.durations[draw[6] % len(self.durations)],
            "t": self.times[draw[7] % len(self.times)],
            "n": str(2 + draw[8] % 7),
        }
        opening = self.openings[draw[9] % len(self.openings)]
        stories = subject.town_stories if grid.urban else subject.country_stories
        story = stories[draw[10] % len(stories)]
        detail = subject.details[draw[11] % len(subject.details)] if draw[12] % 3 else ""
        ask = self.asks[draw[13] % len(self.asks)]
        if "{e}" in opening and "{e}" in story.says:
            opening = ""
        reply = story.replies[draw[15] % len(story.replies)]
        township = land.township(land.village(grid.village_code).township_code).name
        where = place if place.startswith(village) else village + place
        return Said(
            title=_filled(story.title, slots),
            text=_filled(opening + story.says + detail + ask, slots),
            place=township + where,
            reply=_filled(reply, slots),
        )

    def responsibilities(self, land: Land) -> list[tuple[str, str, str]]:
        """(category, division prefix, office code): the table by which the county dispatches.

        "" = the whole county; 镇 and 乡 where another unit answers outside the town.
        """
        found: dict[tuple[str, str], str] = {}
        for subject in self.subjects:
            found.setdefault((subject.category, ""), subject.unit)
            if subject.rural == subject.unit:
                continue
            for township in land.townships:
                if township.kind != "SUBDISTRICT":
                    prefix = township.code[:9]
                    own = f"T{prefix}" if subject.rural == TOWNSHIP_ANSWERS else subject.rural
                    found.setdefault((subject.category, prefix), own)
        for category, unit in self.others.items():
            found.setdefault((category, ""), unit)
        return [(category, prefix, office) for (category, prefix), office in found.items()]

    def dice(self, rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
        return rng.integers(0, 1 << 40, (count, _DRAWS))


_SLOT = re.compile(r"\{([pedtn])\}")


def _filled(template: str, slots: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda found: slots[found[1]], template)


def _place(land: Land, grid: GridPlace, draw: list[int]) -> str:
    """A place as people name it: a road and a landmark in town, the village outside."""
    if not grid.urban:
        village = land.village(grid.village_code).name
        marks = place_names.LANDMARKS_COUNTRY
        if draw[0] % 4 == 0:
            return f"{village}{place_names.GROUPS[draw[1] % 8]}组"
        if draw[0] % 4 == 1:
            return f"{village}村{_SIDES[draw[2] % 4]}头".replace("村村", "村")
        return f"{village}{marks[draw[1] % len(marks)]}{_BESIDE_COUNTRY[draw[2] % 8]}"
    roads = place_names.ROADS
    road = roads[draw[0] % len(roads)]
    if draw[1] % 6 == 0:
        other = roads[(draw[0] + 1 + draw[2] % (len(roads) - 1)) % len(roads)]
        return f"{road}与{other}交叉口"
    if draw[1] % 6 == 1:
        estate = place_names.ESTATES[draw[2] % len(place_names.ESTATES)]
        return f"{road}{estate}{_SIDES[draw[3] % 4]}门"
    marks = place_names.LANDMARKS_TOWN
    return f"{road}{marks[draw[2] % len(marks)]}{_BESIDE_TOWN[draw[3] % len(_BESIDE_TOWN)]}"


def _stories(rows: list[dict[str, Any]], where: str) -> tuple[Story, ...]:
    return tuple(
        Story(row["title"], row["says"], tuple(row["replies"]))
        for row in rows
        if row.get("where", where) == where
    )


@cache
def load() -> Grammar:
    """The grammar of matters.yaml and sayings.yaml."""
    plan: dict[str, Any] = yaml.safe_load((_HERE / "matters.yaml").read_text(encoding="utf-8"))
    sayings: dict[str, Any] = yaml.safe_load((_HERE / "sayings.yaml").read_text(encoding="utf-8"))
    subjects = tuple(
        Subject(
            code=code,
            category=about.get("category", code),
            unit=about["unit"],
            rural=about["rural"],
            weight=float(about["weight"]),
            season=tuple(map(float, plan["seasons"][about["season"]])),
            days=float(about["days"]),
            where=about["where"],
            details=tuple(sayings[code]["details"]),
            town_stories=_stories(sayings[code]["stories"], "TOWN"),
            country_stories=_stories(sayings[code]["stories"], "COUNTRY"),
        )
        for code, about in plan["categories"].items()
    )
    return Grammar(
        subjects=subjects,
        others=plan["others"],
        urgent=frozenset(plan["urgent"]),
        openings=tuple(plan["openings"]),
        durations=tuple(plan["durations"]),
        times=tuple(plan["times"]),
        asks=tuple(plan["asks"]),
    )
