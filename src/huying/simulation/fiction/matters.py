"""A year of residents' matters with known truth, in chunks of columns.

Each matter knows what it truly is about, who truly answers for it, when each step of its life
happened (0 = it did not, or not yet), how it was rated. Times are seconds since 1970 (UTC).
People write at all hours, most in the morning and after supper; offices act on working days.
"""

import copy
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huying.simulation.fiction import grammar as grammars
from huying.simulation.fiction.grammar import Said
from huying.simulation.fiction.land import Land
from huying.standards.deadlines import SHANGHAI
from huying.standards.working_days import published_calendar

A_CHUNK = 5_000
_DAY = 86_400
_ZONE = 8 * 3600
_OPENS, _SHUTS = 8 * 3600 + 1800, 17 * 3600 + 1800
# Share of a day's reports in each local hour.
# However slow: beyond this a centre has long stepped in.
_SLOWEST_DAYS = 40.0
_HOURS = np.array(
    [5, 3, 2, 2, 2, 4, 10, 22, 42, 52, 50, 40, 30, 28, 36, 42, 42, 36, 34, 38, 36, 28, 18, 9], float
)
_WEEKDAYS = np.array([1.12, 1.08, 1.04, 1.02, 1.03, 0.86, 0.85])
_POINTS_A_GRID = 60
_CHANNELS = np.array(["WEB", "PHONE", "COUNTER", "GRID", "HOTLINE", "PAPER"])
_CHANNEL_SHARES = (0.52, 0.20, 0.05, 0.11, 0.10, 0.02)
_RATINGS = np.array(
    ["VERY_SATISFIED", "SATISFIED", "FAIRLY_SATISFIED", "DISSATISFIED", "VERY_DISSATISFIED"]
)
_BAD_COMMENTS = (
    "来人看了一眼就走了，问题还在。",
    "回复说办好了，我去看根本没动。",
    "打电话态度不好。",
    "等了这么久，就给一句在研究。",
    "修了两天又坏了。",
)
_GOOD_COMMENTS = (
    "办得挺快，谢谢。",
    "没想到真有人管，点赞。",
    "师傅很负责。",
    "问题解决了。",
    "回电话很耐心。",
    "",
    "",
    "",
)

Times = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Strings = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Matters:
    """Columns of one chunk, ordered by `submitted`.

    `subject`, `grid`, `reporter` are indexes (into the grammar's subjects, the land's grids and
    the residents); `first` counts over all chunks; `repeat_of` points to an earlier matter of the
    same chunk (counted as `first` is), -1 = not a repeat. `office` is
    who truly answers, `wrong_office` who got it first ("" = the right one at once). `steps` maps
    the name of a step to its time, 0 where there was none up to the end of the history.
    """

    first: int
    subject: Integers
    grid: Integers
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    reporter: Integers
    channel: Strings
    secret: Bools
    urgent: Bools
    classified: Bools  # the reporter chose the right category, so that a rule dispatches it
    said: list[Said]
    office: list[str]
    wrong_office: list[str]
    repeat_of: Integers
    neighbours: Integers
    outcome: Strings
    rating: Strings
    comment: list[str]
    steps: dict[str, Times]

    def __len__(self) -> int:
        return len(self.subject)


class OfficeHours:
    """When offices work, as a table over the days of the history and some after it."""

    def __init__(self, since: dt.date, until: dt.date) -> None:
        calendar = published_calendar()
        self._first = (since - dt.date(1970, 1, 1)).days - 3
        count = (until - since).days + 90
        days = [since + dt.timedelta(days=at - 3) for at in range(count)]
        works = np.array([calendar.is_working_day(day) for day in days])
        coming = np.where(works, np.arange(count), count - 1)
        self._next = np.minimum.accumulate(coming[::-1])[::-1]
        self._works = works

    def moment(self, at: Times, rng: np.random.Generator) -> Times:
        """`at` itself within office hours, else early on the next working day."""
        local = at + _ZONE
        day = local // _DAY - self._first
        day = np.clip(day, 0, len(self._works) - 2)
        second = local % _DAY
        ok = self._works[day] & (second >= _OPENS) & (second < _SHUTS)
        early = self._works[day] & (second < _OPENS)
        target = np.where(early, day, self._next[day + 1])
        fresh = (target + self._first) * _DAY + _OPENS + rng.integers(60, 5400, len(at)) - _ZONE
        return np.where(ok, at, fresh)

    def after(self, at: Times, days: npt.NDArray[np.float64], rng: np.random.Generator) -> Times:
        """About so many days later, within office hours."""
        return self.moment(at + (days * _DAY).astype(np.int64) + 60, rng)


class Year:
    """The matters of the `days` days before `until` (aware), oldest first, chunk by chunk.

    Drawn once is what the chunks share: when people write, which grids are busy. Each chunk has
    a stream of random numbers of its own, so that any one can be made without those before it.
    """

    def __init__(
        self,
        land: Land,
        count: int,
        residents: int,
        until: dt.datetime,
        days: int,
        rng: np.random.Generator,
    ) -> None:
        self._land, self._residents = land, residents
        self._grammar = grammars.load()
        subjects = self._grammar.subjects
        self._end = int(until.timestamp())
        last_day = until.astimezone(SHANGHAI).date()
        first_day = last_day - dt.timedelta(days=days)
        self._first_day = (first_day - dt.date(1970, 1, 1)).days
        self._hours = OfficeHours(first_day, last_day)
        calendar = [first_day + dt.timedelta(days=at) for at in range(days + 1)]
        months = np.array([day.month for day in calendar]) - 1
        weekdays = np.array([day.weekday() for day in calendar])
        base = np.array([s.weight for s in subjects])
        seasons = np.array([s.season for s in subjects])
        seasons = seasons / seasons.mean(axis=1, keepdims=True)
        self._by_day = (
            (base[:, None] * seasons[:, months]) * _WEEKDAYS[weekdays] * _weather(days + 1, rng)
        )
        day_share = self._by_day.sum(axis=0) / self._by_day.sum()
        # The last day ends at `until`; what would come later does not come.
        self._submitted = np.sort(_moments(calendar, day_share, count, self._end, rng))
        self._busy = rng.gamma(1.6, 1.0, len(land.grids)) + 0.15
        self._points = _Points(land, rng.spawn(len(land.grids)))
        self._streams = rng.spawn(-(-count // A_CHUNK))

    def __len__(self) -> int:
        """How many chunks."""
        return len(self._streams)

    def chunk(self, number: int) -> Matters:
        """The chunk of this number, counted from 0; the same each time."""
        rng = copy.deepcopy(self._streams[number])
        first = number * A_CHUNK
        submitted = self._submitted[first : first + A_CHUNK]
        day = (submitted + _ZONE) // _DAY - self._first_day
        subject = _chosen(self._by_day[:, np.clip(day, 0, self._by_day.shape[1] - 1)], rng)
        grid = _grids(self._land, self._grammar, subject, self._busy, rng)
        return _chunk(
            self._land,
            self._grammar,
            subject,
            grid,
            self._points.some(grid, rng),
            submitted,
            first,
            self._residents,
            self._end,
            self._hours,
            rng,
        )


def generate(
    land: Land,
    count: int,
    residents: int,
    until: dt.datetime,
    days: int,
    rng: np.random.Generator,
) -> Iterator[Matters]:
    """`count` matters of the `days` days before `until` (aware), oldest first."""
    year = Year(land, count, residents, until, days, rng)
    return (year.chunk(number) for number in range(len(year)))


def _weather(days: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Busy and quiet spells: a slow random walk around 1, and a few very busy days."""
    walk = np.zeros(days)
    steps = rng.normal(0, 0.08, days)
    for at in range(1, days):
        walk[at] = walk[at - 1] * 0.93 + steps[at]
    busy = np.ones(days)
    busy[rng.choice(days, max(1, days // 60), replace=False)] = 2.4
    return np.exp(walk) * busy


def _moments(
    calendar: list[dt.date],
    share: npt.NDArray[np.float64],
    count: int,
    end: int,
    rng: np.random.Generator,
) -> Times:
    first = (calendar[0] - dt.date(1970, 1, 1)).days
    found = np.empty(0, dtype=np.int64)
    hours = _HOURS / _HOURS.sum()
    while len(found) < count:
        wanted = count - len(found)
        day = rng.choice(len(calendar), wanted, p=share)
        hour = rng.choice(24, wanted, p=hours)
        at = (first + day) * _DAY + hour * 3600 + rng.integers(0, 3600, wanted) - _ZONE
        at = at[at < end - 60]
        found = np.concatenate([found, at])
    return found


def _chosen(weights: npt.NDArray[np.float64], rng: np.random.Generator) -> Integers:
    """For each column of weights one row, drawn by weight."""
    upto = np.cumsum(weights, axis=0)
    upto /= upto[-1]
    return np.asarray((rng.random(weights.shape[1]) > upto).sum(axis=0))


def _chunk(
    land: Land,
    grammar: grammars.Grammar,
    subject: Integers,
    grid: Integers,
    points: npt.NDArray[np.float64],
    submitted: Times,
    first: int,
    residents: int,
    end: int,
    hours: OfficeHours,
    rng: np.random.Generator,
) -> Matters:
    count = len(subject)
    subjects = grammar.subjects
    dice = grammar.dice(rng, count)
    said, office, wrong = [], [], []
    recent: dict[tuple[int, int], int] = {}
    repeat_of = np.full(count, -1)
    may_repeat = rng.random(count) < 0.3
    misrouted = rng.random(count) < 0.055
    offices = sorted({s.unit for s in subjects})
    other = rng.integers(0, len(offices), count)
    for at in range(count):
        about, place = subjects[subject[at]], land.grids[grid[at]]
        said.append(grammar.say(about, land, place, dice[at]))
        right = about.office(place)
        office.append(right)
        elsewhere = offices[other[at]]
        wrong.append(elsewhere if misrouted[at] and elsewhere != right else "")
        key = (int(subject[at]), int(grid[at]))
        if may_repeat[at] and key in recent:
            repeat_of[at] = recent[key]
        recent[key] = first + at
    urgent = rng.random(count) < np.where(np.isin(subject, _urgent_subjects(grammar)), 0.35, 0.02)
    channel = rng.choice(_CHANNELS, count, p=_CHANNEL_SHARES)
    neighbours = np.where(rng.random(count) < 0.09, np.clip(rng.geometric(0.45, count), 1, 8), 0)
    medians = np.array([s.days for s in subjects])[subject]
    misled = np.array(wrong) != ""
    classified = ~misled & (urgent | (rng.random(count) < 0.6))
    steps, rating, outcome = _life(submitted, medians, misled, classified, urgent, end, hours, rng)
    reporter = rng.integers(0, max(residents, 1), count)
    # Most repeats are the same person, who is not done with it.
    persistent = rng.random(count) < 0.7
    for at in np.flatnonzero((repeat_of >= 0) & persistent).tolist():
        reporter[at] = reporter[repeat_of[at] - first]
    pick = rng.integers(0, 1 << 30, count)
    bad = np.isin(rating, _RATINGS[3:])
    comment = [
        ""
        if not rating[at]
        else (_BAD_COMMENTS if bad[at] else _GOOD_COMMENTS)[
            pick[at] % len(_BAD_COMMENTS if bad[at] else _GOOD_COMMENTS)
        ]
        for at in range(count)
    ]
    return Matters(
        first=first,
        subject=subject,
        grid=grid,
        lon=points[:, 0],
        lat=points[:, 1],
        reporter=reporter,
        channel=channel,
        secret=rng.random(count) < 0.03,
        urgent=urgent,
        classified=classified,
        said=said,
        office=office,
        wrong_office=wrong,
        repeat_of=repeat_of,
        neighbours=neighbours,
        outcome=outcome,
        rating=rating,
        comment=comment,
        steps=steps,
    )


def _urgent_subjects(grammar: grammars.Grammar) -> list[int]:
    return [at for at, s in enumerate(grammar.subjects) if s.category in grammar.urgent]


def _grids(
    land: Land,
    grammar: grammars.Grammar,
    subject: Integers,
    busy: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> Integers:
    """Where: town or country as the subject asks; some grids see more than others."""
    urban = np.array([g.urban for g in land.grids])
    result = np.empty(len(subject), dtype=np.int64)
    for where, mask in (
        ("TOWN", urban),
        ("COUNTRY", ~urban),
        ("BOTH", np.ones(len(urban), bool)),
    ):
        chosen = np.array([s.where == where for s in grammar.subjects])[subject]
        weight = busy * mask * np.where(urban, 1.6, 1.0)
        result[chosen] = rng.choice(len(urban), int(chosen.sum()), p=weight / weight.sum())
    return result


class _Points:
    """A pool of points in each grid, drawn when the grid is first asked for."""

    def __init__(self, land: Land, streams: list[np.random.Generator]) -> None:
        self._land, self._streams = land, streams
        self._pools: dict[int, npt.NDArray[np.float64]] = {}

    def _pool(self, grid: int) -> npt.NDArray[np.float64]:
        if grid not in self._pools:
            place, rng = self._land.grids[grid], self._streams[grid]
            drawn = [self._land.random_point(place, rng) for _ in range(_POINTS_A_GRID)]
            self._pools[grid] = np.array(drawn)
        return self._pools[grid]

    def some(self, grid: Integers, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """(lon, lat) for each matter."""
        pick = rng.integers(0, _POINTS_A_GRID, len(grid)).tolist()
        pairs = zip(grid.tolist(), pick, strict=True)
        return np.array([self._pool(at)[which] for at, which in pairs])


def _life(
    submitted: Times,
    median_days: npt.NDArray[np.float64],
    misrouted: Bools,
    classified: Bools,
    urgent: Bools,
    end: int,
    hours: OfficeHours,
    rng: np.random.Generator,
) -> tuple[dict[str, Times], Strings, Strings]:
    """When each step happened, how it was rated, how it ended."""
    count = len(submitted)

    def days(median: float, spread: float = 0.7) -> npt.NDArray[np.float64]:
        return median * np.exp(rng.normal(0, spread, count))

    def some(share: float) -> Bools:
        return np.asarray(rng.random(count) < share)

    pace = np.where(urgent, 0.35, 1.0)
    steps: dict[str, Times] = {}
    # What has a category is dispatched by rule at once, the rest by people.
    dispatch = hours.after(submitted, days(0.03) * pace, rng)
    dispatch = np.where(classified, submitted, dispatch)
    steps["dispatch"] = dispatch
    steps["return"] = np.where(misrouted, hours.after(dispatch, days(0.25), rng), 0)
    again = hours.after(np.maximum(steps["return"], dispatch), days(0.08), rng)
    steps["dispatch_again"] = np.where(misrouted, again, 0)
    began = np.where(misrouted, again, dispatch)
    take = hours.after(began, days(0.12) * pace, rng)
    steps["take"] = take
    steps["contact"] = np.where(some(0.93), hours.after(take, days(0.2) * pace, rng), 0)
    spread = np.exp(rng.normal(0, 0.62, count))
    slow = some(0.045)
    answer_days = median_days * spread * pace * np.where(slow, rng.uniform(4, 9, count), 1.0)
    answer_days = np.minimum(answer_days, _SLOWEST_DAYS)
    answer = hours.after(np.maximum(take, steps["contact"]), answer_days, rng)
    steps["answer"] = answer
    withdraw = hours.after(take, days(0.4), rng)
    withdrawn = some(0.015) & ~misrouted & (withdraw < answer)
    steps["withdraw"] = np.where(withdrawn, withdraw, 0)
    supervised = slow & some(0.3)
    midway = take + ((answer - take) * 0.7).astype(np.int64)
    steps["supervise"] = np.where(supervised & ~withdrawn, hours.moment(midway, rng), 0)
    rejected = some(0.03)
    steps["reject"] = np.where(rejected, hours.after(answer, days(0.8), rng), 0)
    answer_again = hours.after(np.maximum(steps["reject"], answer), days(1.5), rng)
    steps["answer_again"] = np.where(rejected, answer_again, 0)
    answered = np.where(rejected, answer_again, answer)
    verify = hours.after(answered, days(0.9), rng)
    steps["verify"] = np.where(some(0.86), verify, 0)
    rated = some(0.46)
    rate = np.maximum(answered, steps["verify"]) + (days(0.5, 0.9) * _DAY).astype(np.int64) + 120
    worse = np.where(slow | rejected, 0.30, 0.045)
    bad = rated & (rng.random(count) < worse)
    steps["rate"] = np.where(rated, rate, 0)
    steps["call_back"] = np.where(bad, hours.after(rate, days(0.9), rng), 0)
    remedied = bad & some(0.6)
    steps["reopen"] = np.where(remedied, steps["call_back"] + 600, 0)
    steps["take_remedy"] = np.where(remedied, hours.after(steps["reopen"], days(0.15), rng), 0)
    remedy = hours.after(steps["take_remedy"], days(2.0), rng)
    steps["answer_remedy"] = np.where(remedied, remedy, 0)
    latest = np.maximum.reduce([answered, steps["verify"], steps["rate"], steps["call_back"]])
    latest = np.where(remedied, remedy, latest)
    steps["close"] = hours.after(latest, days(1.2), rng)
    for name, at in steps.items():
        if name != "withdraw":
            at[withdrawn & (at >= steps["withdraw"])] = 0
    _cut(steps, end)
    good = rng.choice(_RATINGS[:3], count, p=(0.52, 0.36, 0.12))
    poor = rng.choice(_RATINGS[3:], count, p=(0.7, 0.3))
    rating = np.where(steps["rate"] > 0, np.where(bad, poor, good), "")
    outcome = rng.choice(
        np.array(["SOLVED", "EXPLAINED", "PARTLY_SOLVED", "UNFOUNDED"]),
        count,
        p=(0.72, 0.17, 0.07, 0.04),
    )
    outcome = np.where(steps["answer"] > 0, outcome, "")
    outcome = np.where(steps["withdraw"] > 0, "WITHDRAWN", outcome)
    steps["submit"] = submitted
    return steps, rating, outcome


# What must have happened before a step can.
_AFTER = {
    "return": "dispatch",
    "dispatch_again": "return",
    "take": "dispatch",
    "contact": "take",
    "answer": "take",
    "withdraw": "take",
    "supervise": "take",
    "reject": "answer",
    "answer_again": "reject",
    "verify": "answer",
    "rate": "answer",
    "call_back": "rate",
    "reopen": "call_back",
    "take_remedy": "reopen",
    "answer_remedy": "take_remedy",
    "close": "answer",
}


def _cut(steps: dict[str, Times], end: int) -> None:
    """Drop what lies after the end of the history, and what would have followed it."""
    for at in steps.values():
        at[at > end] = 0
    for name, before in _AFTER.items():
        steps[name][steps[before] == 0] = 0
    pending = (steps["return"] > 0) & (steps["dispatch_again"] == 0)
    for name in ("take", "contact", "answer", "withdraw", "supervise"):
        steps[name][pending] = 0
    unfinished = (steps["reject"] > 0) & (steps["answer_again"] == 0)
    remedy = (steps["reopen"] > 0) & (steps["answer_remedy"] == 0)
    for name in ("verify", "rate", "call_back", "reopen", "take_remedy", "answer_remedy"):
        steps[name][unfinished] = 0
    steps["close"][unfinished | remedy] = 0
    for name, before in _AFTER.items():
        steps[name][steps[before] == 0] = 0
