"""A copy with some fields changed: as `dataclasses.replace` makes it, the first left alone."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from huying.cases.rules.changing import changed


@dataclass(frozen=True)
class Record:
    state: str
    people: tuple[str, ...] = ()
    values: dict[str, int] = field(default_factory=dict)


FIRST = Record("NEW", ("a",), {"n": 1})


@pytest.mark.parametrize(
    "values",
    [{}, {"state": "DONE"}, {"people": (), "values": {}}, {"state": "", "people": ("a", "b")}],
)
def test_a_copy_is_as_replace_makes_it(values: dict[str, Any]) -> None:
    before = replace(FIRST)
    copy = changed(FIRST, **values)
    assert copy == replace(FIRST, **values)
    assert type(copy) is Record
    assert copy is not FIRST
    assert before == FIRST
