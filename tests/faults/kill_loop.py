"""Processes and the database die at random, again and again.

Each round one of web, stream, worker, ingest or the database's server gets SIGKILL, a supervising
process or one of its workers. The next begins when it is there again and reports, acts and
readings are confirmed again.
"""

import random
import time
from collections import Counter
from typing import Final

from tests.faults.county_under_load import (
    KINDS,
    Site,
    Template,
    go_on,
    kill,
    loading,
    running,
    server_of,
    wait_for,
)
from tests.faults.reckoning import Outcome, reckon

DATABASE: Final = "database"


def run(template: Template, *, rounds: int = 100, seed: int = 2026) -> Outcome:
    began, outcome = time.monotonic(), Outcome("kill_loop")
    dice = random.Random(seed)
    killed: Counter[str] = Counter()
    slowest = 0.0
    with template.copied() as county:
        with running(county, template.token) as site, loading(site) as load:
            while killed.total() < rounds:
                round_began = time.monotonic()
                kind = dice.choice([*KINDS, DATABASE])
                wait_for(lambda: _is_there(site, kind))  # noqa: B023 - asked at once
                killed[kind] += _strike(site, kind, dice)
                go_on(load)
                slowest = max(slowest, time.monotonic() - round_began)
                time.sleep(dice.random() / 2)
            for kind in (*KINDS, DATABASE):
                wait_for(lambda: _is_there(site, kind))  # noqa: B023 - asked at once
        outcome.remarks.append(
            f"{killed.total()} rounds: "
            + ", ".join(f"{kind} {number}" for kind, number in killed.most_common())
            + f"; slowest {slowest:.1f} s"
        )
        return reckon(county, load, outcome, began)


def _is_there(site: Site, kind: str) -> bool:
    return server_of(site.county) is not None if kind == DATABASE else bool(site.processes(kind))


def _strike(site: Site, kind: str, dice: random.Random) -> bool:
    found = [server_of(site.county)] if kind == DATABASE else site.processes(kind)
    victims = [one for one in found if one is not None]
    return bool(victims) and kill(dice.choice(victims))
