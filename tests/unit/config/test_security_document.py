"""docs/security.md and docs/security-asvs.md name files and tests for what they claim.

That every test named is there: test_documents.py."""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from django.apps import apps

from huying.cases.actions import files
from huying.directory.vault import SealedField

ROOT = Path(__file__).resolve().parents[3]
# Version 5.0.0 has so many requirements of levels 1 and 2; a number left out or made up shows.
LEVELS: Final = {1: 70, 2: 183}
STATES: Final = {"met", "partly", "not met", "n/a"}


class Row(NamedTuple):
    number: str
    level: int
    asked: str
    state: str
    where: str
    test: str
    remark: str


@cache
def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def _rows() -> list[Row]:
    found = []
    for line in _text("docs/security-asvs.md").splitlines():
        if re.match(r"\| \d+\.\d+\.\d+ \|", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            number, level, *rest = cells
            found.append(Row(number, int(level), *rest))
    return found


def _named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _missing(test: str) -> bool:
    """Whether there is no such test function; `test` is `path::function` under the root."""
    path, _, function = test.partition("::")
    if not (ROOT / path).is_file():
        return True
    return not re.search(rf"^(async )?def {function}\(", _text(path), re.MULTILINE)


def test_every_number_of_levels_one_and_two_is_here_once() -> None:
    rows = _rows()
    assert Counter(row.level for row in rows) == LEVELS
    numbers = [tuple(map(int, row.number.split("."))) for row in rows]
    assert numbers == sorted(set(numbers))
    assert {number[0] for number in numbers} == set(range(1, 18))


def test_every_file_and_test_of_the_table_is_there() -> None:
    wrong = []
    for row in _rows():
        for path in _named(row.where):
            if not any((ROOT / start / path).is_file() for start in ("", "src/huying")):
                wrong.append((row.number, path))
        wrong += [(row.number, test) for test in _named(row.test) if _missing(f"tests/{test}")]
    assert not wrong


def test_what_is_claimed_is_shown_and_what_is_not_is_said() -> None:
    for row in _rows():
        assert row.state in STATES, row
        if row.state in {"met", "partly"}:
            assert _named(row.where), row
            assert all("::" in test for test in _named(row.test)), row
            assert _named(row.test), row
        if row.state in {"partly", "not met"}:
            assert row.remark, row
        if row.state == "n/a":
            assert not row.where, row
            assert not row.test, row


def test_the_summary_counts_what_the_table_says() -> None:
    states = Counter(row.state for row in _rows())
    said = re.search(
        r"All (\d+) requirements.*?(\d+) are met, (\d+) in part, (\d+) not, (\d+) ask",
        _text("docs/security.md"),
        re.DOTALL,
    )
    assert said
    counted = [states[state] for state in ("met", "partly", "not met", "n/a")]
    assert list(map(int, said.groups())) == [sum(counted), *counted]


def test_every_sealed_column_is_in_the_inventory() -> None:
    sealed = {
        field.context
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, SealedField)
    }
    assert sealed
    assert not [context for context in sealed if f"`{context}`" not in _text("docs/security.md")]


def test_the_limits_of_uploads_are_those_of_the_code() -> None:
    text = _text("docs/security.md")
    uploads = text[text.index("**Uploads.**") :].split("\n\n")[0]
    assert f"at most {files.MOST_PHOTOS} of {files.LARGEST_FILE >> 20} MB" in uploads
    assert f"{files.MOST_PIXELS // 1_000_000} million pixels" in uploads
    for kind in files._FORMATS:
        assert kind in uploads
