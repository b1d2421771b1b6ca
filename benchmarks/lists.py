"""What people wait for over a long history: lists, searches, tasks, as who sees much and little.

A simulated county (so that texts, grids and units are as uneven as there), its cases copied until
there are so many; every query is the one its page calls. Reference: the same queries with a tenth
of the history, in the same run.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, Final

from django.db import connection
from django.db.models import Count
from rich.console import Console

from benchmarks import history
from benchmarks.rows import BenchRow, row
from huying.cases import queries
from huying.cases.models import Case
from huying.cases.queries import QueueFilters
from huying.cases.rules.words import words_of
from huying.directory.models import Account
from huying.directory.permissions import Actor, Role
from huying.directory.queries import actor_for
from huying.simulation import county

RUNS: Final = 7
COMMON, PART, APART, NOWHERE, ONE = "垃圾", "灯不亮", "希望 尽快", "钢琴", "的"
"""Texts asked for: found everywhere, part of a word, two common words that hardly meet, not said
at all, one character."""
TEXT: Final = (
    "小区北门路灯不亮已经一周了，晚上回家看不清，路面有坑，老人摔倒过，"
    "请尽快派人来修，联系物业说不归他们管，盼回复。"
)
_console = Console(stderr=True, width=160)


def run(*, quick: bool = True) -> list[BenchRow]:
    simulated, most = (400, 20_000) if quick else (3_000, 200_000)
    county.build(residents=1_000, cases=simulated, days=30 if quick else 365)
    _write(most // 10 - simulated)
    before = _measured()
    _write(most - most // 10)
    total = Case.objects.count()
    _console.print(f"  {total:,} cases, {Case.objects.open().count():,} open")
    after = _measured()
    for name, value in after.items():
        _console.print(f"  {name:44} {value:7.1f} ms  (a tenth: {before[name]:.1f})")
    rows = [
        row(
            f"list_{group}_worst",
            max(value for name, value in after.items() if name.startswith(group)),
            "ms",
            f"a tenth of {total:,} cases",
            max(value for name, value in before.items() if name.startswith(group)),
        )
        for group in ("search", "list", "tasks")
    ]
    return [*rows, _words()]


def _write(number: int) -> None:
    """History as it lies in a county: autovacuum has been there since it was written."""
    history.write(number, of=history.ANY)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE cases_case, cases_casewords")


def _words() -> BenchRow:
    """Processor time of cutting a text of 60 characters for the index."""
    texts = [TEXT[start:] + TEXT[:start] for start in range(len(TEXT))] * 20
    began = time.process_time()
    for text in texts:
        words_of([text])
    each = (time.process_time() - began) / len(texts) * 1e6
    return row("words_of_text", each, "µs", "limit", 100.0)


def _measured() -> dict[str, float]:
    asked = {}
    for who, actor in _people().items():
        for text in (COMMON, PART, APART, NOWHERE, ONE):
            for closed in (False, None):
                where = "open" if closed is False else "all"
                asked[f"search {where} as {who}: {text}"] = _queue(
                    actor, QueueFilters(text=text, closed=closed)
                )
        asked[f"list due as {who}"] = _queue(actor, QueueFilters())
        asked[f"list all as {who}"] = _queue(actor, QueueFilters(closed=None))
        for category in ("FOOD_SAFETY", "BUS", "GARBAGE"):
            asked[f"list all as {who}: {category}"] = _queue(
                actor, QueueFilters(closed=None, category=category)
            )
    worker = _people()["grid worker"]
    asked["tasks as grid worker"] = lambda: queries.tasks_near(worker, 115.2, 37.5)
    return {name: _median(ask) for name, ask in asked.items()}


def _queue(actor: Actor, filters: QueueFilters) -> Callable[[], Any]:
    return lambda: queries.queue(actor, filters)


def _median(ask: Callable[[], Any]) -> float:
    ask()
    times = []
    for _run in range(RUNS):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def _people() -> dict[str, Actor]:
    """Who sees everything, the unit and the grid with most cases, and nothing."""
    units = Case.objects.values_list("lead_organisation").annotate(n=Count("id")).order_by("-n")
    grids = Case.objects.values_list("grid_code").annotate(n=Count("id")).order_by("-n")
    unit = next(code for code, _n in units if code)
    grid = next(code for code, _n in grids if code)
    staff = Account.objects.filter(is_active=True).order_by("id")

    def first(**post: Any) -> Actor:
        return actor_for(staff.filter(**post)[0].pk)

    return {
        "dispatcher": first(posts__role=Role.DISPATCHER),
        "officer": first(posts__role=Role.OFFICER, posts__organisation=unit),
        "grid worker": first(posts__role=Role.GRID_WORKER, posts__grid=grid),
        "security administrator": first(posts__role=Role.SECURITY_ADMIN),
    }
