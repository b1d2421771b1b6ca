"""What being seen costs: the web process with traces, metrics and trail, and without any.

The two take turns on one database, so that neither has the better minutes of the machine. Twice:
a hot read, where every microsecond shows, and the whole life of a matter. Run by
`make bench ARGS="--only watching"`.
"""

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import county
from benchmarks.calls import Caller
from benchmarks.lifecycle import CLIENTS, Life, Result, _lifecycles, _measured, _timed
from benchmarks.rows import BenchRow, row
from benchmarks.servers import free_port, running_wsgi
from huying.telemetry import shared

TURNS = 3


def run(*, quick: bool) -> list[BenchRow]:
    seconds = 4.0 if quick else 15.0
    place = county.build()
    tokens = county.issue_tokens(place, CLIENTS)
    lives: dict[str, tuple[str, Life]] = {
        "watched_read": ("requests/s", _read),
        "watched_lifecycle": ("lifecycles/s", _lifecycles(place)),
    }
    rates: dict[tuple[str, bool], list[float]] = {}
    for _ in range(TURNS):
        for watched in (True, False):
            with _site(watched) as port:
                for name, (_unit, life) in lives.items():
                    words = f"{name}, {'on' if watched else 'off'}"
                    found = _measured(words, port, tokens, CLIENTS, seconds, life)
                    rates.setdefault((name, watched), []).append(found.rate)
    return [
        row(
            name,
            statistics.median(rates[name, True]),
            unit,
            "without metrics, traces and trail",
            statistics.median(rates[name, False]),
        )
        for name, (unit, _life) in lives.items()
    ]


async def _read(caller: Caller, result: Result) -> None:
    await _timed(result, "read", caller, "GET", "/api/v1/me")


@contextmanager
def _site(watched: bool) -> Iterator[int]:
    """The web process; its log goes where nobody reads it, but is written."""
    if watched:
        variables = shared.environment(free_port())
        shared.begin(variables)
        os.environ.update({**variables, "HUYING_TRAIL": "1"})
    error = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        target = "huying.config.wsgi" if watched else "benchmarks.unwatched"
        with running_wsgi(f"{target}:application") as port:
            os.dup2(error, 2)
            yield port
    finally:
        os.dup2(error, 2)
        os.close(error)
        os.close(nowhere)
        for name in (shared.PORT, shared.FOLDER, "HUYING_TRAIL"):
            os.environ.pop(name, None)
