"""A build that several processes share, and that goes on where it was broken off."""

import datetime as dt
import os
import resource
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from huying.ledger import verify
from huying.simulation import county
from huying.simulation.building import parts, past
from huying.simulation.fiction import matters
from huying.simulation.models import Part

pytestmark = pytest.mark.django_db(transaction=True)

ASKED: dict[str, Any] = {"residents": 200, "cases": 120, "days": 12, "observations": 20_000}


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def _share(work: Callable[[int], int], count: int, processes: int = 2) -> tuple[int, list[int]]:
    told: list[int] = []
    made = parts.share("test", count, work, processes=processes, advance=told.append)
    return made, told


@pytest.mark.parametrize("processes", [1, 3])
def test_each_part_is_done_once(nothing_yet: object, processes: int) -> None:
    assert _share(lambda number: number * 10, 9, processes)[0] == 360
    assert Part.objects.count() == 9
    # Again: nothing is left to do, and that is told at once.
    assert _share(lambda number: 1 // 0, 9, processes) == (360, [360])


def test_what_was_committed_stays_when_a_process_dies(nothing_yet: object) -> None:
    def dies(number: int) -> int:
        if number == 2:
            os.kill(os.getpid(), 9)
        return 1

    with pytest.raises(parts.PartFailed):
        _share(dies, 6)
    there = set(Part.objects.values_list("name", flat=True))
    assert "test/2" not in there
    made, told = _share(lambda number: 1, 6)
    assert made == 6
    assert told == [len(there)] + [1] * (6 - len(there))


def test_a_part_that_fails_leaves_nothing(nothing_yet: object) -> None:
    with pytest.raises(ZeroDivisionError):
        parts.once("broken", lambda: {"count": 1 // 0})
    assert parts.facts_of("broken") is None


def _digest() -> list[tuple[Any, ...]]:
    """What the county is, apart from ids that sequences give and what is random by design."""
    return _rows(
        "SELECT c.procedure, c.number, c.title, c.state, c.version, c.closed_at, c.report_count,"
        "  (SELECT string_agg(action || at::text, ',' ORDER BY seq) FROM cases_act a"
        "    WHERE a.case_id = c.id)"
        " FROM cases_case c WHERE procedure = 'residents_report' ORDER BY number"
    ) + _rows(
        'SELECT d.mn, count(*), sum(o."values"[1]) FROM sensing_observation o'
        " JOIN sensing_device d ON d.id = o.device_id GROUP BY 1 ORDER BY 1"
    )


@pytest.mark.slow
def test_a_build_broken_off_goes_on_to_the_same_county(
    nothing_yet: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matters, "A_CHUNK", 30)
    until = timezone.now() - dt.timedelta(minutes=5)
    build_matters = past.build_matters

    def dies(cast: Any, chunk: Any, *rest: Any) -> int:
        if chunk.first == 60:
            os.kill(os.getpid(), 9)
        return build_matters(cast, chunk, *rest)

    monkeypatch.setattr(past, "build_matters", dies)
    with pytest.raises(parts.PartFailed):
        county.build(**ASKED, until=until, processes=2)
    monkeypatch.setattr(past, "build_matters", build_matters)
    assert county.is_unfinished()
    with pytest.raises(county.CountyUnfinished) as caught:
        county.build(**{**ASKED, "cases": 121}, processes=2)
    assert "--cases 120" in str(caught.value)
    # Who does not say until when gets the end it was begun with.
    built = county.build(**ASKED, processes=2)
    assert not county.is_unfinished()
    assert verify.verify_database().ok
    broken = _digest()
    assert built.cases >= 120

    nothing_yet()
    county.build(**ASKED, until=until, processes=1)
    assert _digest() == broken


@pytest.mark.slow
def test_a_hundredth_of_the_million(nothing_yet: object) -> None:
    def spent() -> float:
        each = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in each)

    before = spent()
    built = county.build(residents=10_000, cases=10_000, observations=1_000_000)
    # Processor time: how long it takes on the clock depends on who else is there.
    assert spent() - before < 30
    assert built.residents == 10_000
    assert built.cases >= 10_000
    ((values,),) = _rows("SELECT sum(cardinality(properties)) FROM sensing_observation")
    assert abs(values - 1_000_000) < 60_000
    report = verify.verify_database()
    assert report.ok, report.in_words()
    assert report.size == built.ledger_size
    ((unmeasured,),) = _rows(
        "SELECT count(*) FROM pg_stat_user_tables WHERE n_live_tup > 1000 AND last_analyze IS NULL"
    )
    assert unmeasured == 0
