"""A matter's life over HTTP: handed in, found by its number, taken, answered.

50 programs with bearer tokens, each with one call on its way at a time, against the real web
process (granian, 2 workers of 2 threads) on a database of its own; the load generator shares
the cores. A report goes through the vault, the table of responsibilities, the procedure with
its clocks, notices and ledger records. The reference is the same server, clients and number of
calls with a bare application that inserts one row and reads it back.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import uvloop
from django.db import connection
from rich.console import Console

from benchmarks import county, history
from benchmarks.calls import Caller, CallFailed
from benchmarks.machine import Usage, usage
from benchmarks.rows import BenchRow, row
from benchmarks.servers import HOST, running_site, running_wsgi

CLIENTS: Final = 50
BURST_CLIENTS: Final = 250
P95_LIMIT_MS: Final = 250.0
BURST_LIMIT_MS: Final = 1500.0
RECOVERY_SECONDS: Final = 10.0
MILLION: Final = 1_000_000
_console = Console(stderr=True, width=160)
_numbers = itertools.count(1)
_WHAT: Final = (
    "小区门口的垃圾桶已经满了三天没有人清运，天气热，味道很大，老人出门都绕着走",
    "晚上十点以后工地还在打桩，孩子第二天要上学，希望有关部门来看看",
    "村口那条路被大车压坏了，坑有半米深，下雨天骑车看不见，已经有人摔倒",
    "路灯坏了一个多月，放学的孩子要摸黑走，请尽快修好",
    "物业说电梯要等配件，等了两个星期还没有消息，八十岁的母亲下不了楼",
    "施工队欠我们七个人的工钱，说好十月份结清，现在电话也不接",
    "河水发黑，有死鱼，怀疑上游有人夜里排污水",
    "早市把人行道占满了，婴儿车只能走机动车道",
)


@dataclass(slots=True)
class Result:
    """What the clients saw in the measured time. `times` are seconds of single calls."""

    lifecycles: int = 0
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    steps: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    usage: Usage | None = None

    @property
    def rate(self) -> float:
        return self.lifecycles / self.seconds

    @property
    def p95(self) -> float:
        return percentile(self.times, 95)


def percentile(times: list[float], percent: int) -> float:
    """In milliseconds."""
    if len(times) < 2:
        return (times[0] if times else 0.0) * 1000
    return statistics.quantiles(times, n=100)[percent - 1] * 1000


def run(*, quick: bool) -> list[BenchRow]:
    seconds = 8.0 if quick else 30.0
    place = county.build()
    tokens = county.issue_tokens(place, CLIENTS)
    _prepare_bare()
    with running_wsgi("benchmarks.bare:application") as port:
        bare = _measured("bare reference", port, tokens, CLIENTS, seconds / 2, _bare)
    with running_site(["web", "worker"]) as site:
        lived = _lifecycles(place)
        empty = _measured("lifecycle, empty", site.web, tokens, CLIENTS, seconds, lived)
        burst = _measured("burst", site.web, tokens, BURST_CLIENTS, 8.0 if quick else 60.0, lived)
        recovered = _recovery(site.web, tokens, lived)
        rows = [
            row("lifecycle_empty", empty.rate, "lifecycles/s", _reference(bare), bare.rate),
            row("lifecycle_p95", empty.p95, "ms", "limit", P95_LIMIT_MS),
            row("burst_p95", burst.p95, "ms", f"limit, {BURST_CLIENTS} clients", BURST_LIMIT_MS),
            row("burst_recovery", recovered, "ms", "limit", RECOVERY_SECONDS * 1000),
        ]
        if quick:
            _console.print("  lifecycle_million is measured by --full only")
        else:
            _console.print(f"  writing {MILLION:,} cases of history")
            history.write(MILLION, lambda written: _console.print(f"    {written:,}"))
            million = _measured("lifecycle, 1M", site.web, tokens, CLIENTS, seconds, lived)
            rows += [
                row("lifecycle_million", million.rate, "lifecycles/s", "empty county", empty.rate),
                row("lifecycle_million_p95", million.p95, "ms", "limit", P95_LIMIT_MS),
            ]
    return rows


def _reference(bare: Result) -> str:
    return f"bare WSGI, 4 × (INSERT + SELECT), p95 {bare.p95:.0f} ms"


def _prepare_bare() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS public.bench_bare")
        cursor.execute(
            "CREATE TABLE public.bench_bare"
            " (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body jsonb NOT NULL)"
        )


Life = Callable[[Caller, Result], Awaitable[None]]


def _measured(
    name: str, port: int, tokens: list[str], clients: int, seconds: float, life: Life
) -> Result:
    """Warm up, measure, and fail where any call failed."""
    callers = [Caller(HOST, port, token) for token in _many(tokens, clients)]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_load(callers, life, min(2.0, seconds / 4)))
        before = usage()
        result = runner.run(_load(callers, life, seconds))
        result.usage = usage().since(before)
        for caller in callers:
            caller.close()
    _report(name, result)
    if result.failures:
        raise AssertionError(
            f"{name}: {len(result.failures)} calls failed, the first: {result.failures[0]}"
        )
    return result


def _many(tokens: list[str], number: int) -> list[str]:
    return list(itertools.islice(itertools.cycle(tokens), number))


async def _load(callers: list[Caller], life: Life, seconds: float) -> Result:
    """Every caller lives one life after another until the time is over."""
    result = Result()
    began = time.perf_counter()
    until = began + seconds

    async def client(caller: Caller) -> None:
        while time.perf_counter() < until:
            try:
                await life(caller, result)
            except (CallFailed, OSError, AssertionError, KeyError, IndexError) as error:
                result.failures.append(f"{type(error).__name__}: {error}")
                if len(result.failures) > 100:
                    return
            else:
                result.lifecycles += 1

    await asyncio.gather(*map(client, callers))
    result.seconds = time.perf_counter() - began
    return result


async def _timed(
    result: Result, step: str, caller: Caller, method: str, path: str, body: object = None
) -> tuple[int, Any]:
    began = time.perf_counter()
    data = b"" if body is None else orjson.dumps(body)
    status, answer = await caller.call(method, path, data)
    took = time.perf_counter() - began
    result.times.append(took)
    result.steps.setdefault(step, []).append(took)
    if status >= 300:
        raise CallFailed(f"{method} {path}: {status} {answer[:300]!r}")
    return status, orjson.loads(answer)


def _lifecycles(place: county.BenchCounty) -> Life:
    async def life(caller: Caller, result: Result) -> None:
        number = next(_numbers)
        grid = place.grids[number % len(place.grids)]
        report = {
            "text": f"{_WHAT[number % len(_WHAT)]}，这是第 {number} 次反映。",
            "category": place.categories[number % len(place.categories)],
            "place_text": f"第 {number % 97} 号院东侧",
            "lon": grid.lon,
            "lat": grid.lat,
            "contact": {"name": f"张{number % 1000}", "phone": f"199{number % 10**8:08d}"},
        }
        _, received = await _timed(result, "report", caller, "POST", "/api/v1/reports", report)
        assert received["state"] == "DISPATCHED", received
        wanted = f"/api/v1/cases?text={received['case_number']}"
        _, found = await _timed(result, "search", caller, "GET", wanted)
        (case,) = found["rows"]
        acts = f"/api/v1/cases/{case['id']}/acts"
        take = {"action": "take", "version": case["version"]}
        _, taken = await _timed(result, "take", caller, "POST", acts, take)
        answer = {
            "action": "answer",
            "version": taken["version"],
            "data": {"reply": "已派人到现场处理完毕，今后每天巡查两次。", "outcome": "SOLVED"},
        }
        _, answered = await _timed(result, "answer", caller, "POST", acts, answer)
        assert answered["state"] == "ANSWERED", answered

    return life


async def _bare(caller: Caller, result: Result) -> None:
    for step in range(4):
        body = {"text": _WHAT[step], "number": next(_numbers)}
        await _timed(result, "bare", caller, "POST", "/", body)


def _recovery(port: int, tokens: list[str], life: Life) -> float:
    """Milliseconds from the end of a burst to the end of the first second in which the p95 of
    50 clients is below the limit again."""
    callers = [Caller(HOST, port, token) for token in _many(tokens, CLIENTS)]
    began = time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        passed = 0.0
        while passed < 2 * RECOVERY_SECONDS:
            result = runner.run(_load(callers, life, 1.0))
            passed = time.perf_counter() - began
            if not result.failures and result.p95 < P95_LIMIT_MS:
                break
        for caller in callers:
            caller.close()
    _report("after the burst", result)
    return passed * 1000


def _report(name: str, result: Result) -> None:
    steps = ", ".join(
        f"{step} {statistics.median(times) * 1000:.0f}/{percentile(times, 95):.0f}"
        for step, times in result.steps.items()
    )
    _console.print(
        f"  {name}: {result.rate:.1f}/s, p50 {percentile(result.times, 50):.0f} ms, "
        f"p95 {result.p95:.0f} ms, {len(result.failures)} failures; "
        f"p50/p95 by call: {steps}"
    )
    if result.usage is not None:
        _console.print(f"    {result.usage.in_words(result.lifecycles)}")
