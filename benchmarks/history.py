"""Cases of years past, written set by set: only for measuring what history costs."""

from benchmarks.county import BenchCounty


def write(place: BenchCounty, number: int) -> None:
    raise NotImplementedError
