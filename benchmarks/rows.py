"""One row of `make bench`: our figure beside a reference measured in the same run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRow:
    """`ratio` is value / reference_value; rates are per second, times in milliseconds."""

    name: str
    value: float
    unit: str
    reference: str
    reference_value: float
    ratio: float


def row(name: str, value: float, unit: str, reference: str, reference_value: float) -> BenchRow:
    """A row with its ratio."""
    return BenchRow(
        name=name,
        value=value,
        unit=unit,
        reference=reference,
        reference_value=reference_value,
        ratio=value / reference_value,
    )
