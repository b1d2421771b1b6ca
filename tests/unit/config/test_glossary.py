"""docs/glossary.md has a word for every table, every action and every step that ships."""

import inspect
import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps

from huying.cases.queries.procedures import BUILT_IN
from huying.cases.rules.procedure_files import load

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "glossary.md").read_text(encoding="utf-8")
ROOMS = ("ledger", "directory", "notices", "sensing", "cases")
_CELLS = re.compile(r"^\| (?P<chinese>[^|]+) \| (?P<names>[^|]+) \|", re.M)


def _part(*titles: str) -> dict[str, str]:
    """{code name: its Chinese} of the parts with these titles; of all without any."""
    parts = {part.split("\n", 1)[0]: part for part in TEXT.split("\n## ")[1:]}
    return {
        name: row["chinese"]
        for title in titles or parts
        for row in _CELLS.finditer(parts[title])
        for name in re.findall(r"`(\w+)`", row["names"])
    }


CONCEPTS = _part("Matters", "Places and people", "Monitoring", "Notices", "Proof", "Running it")
STEPS = _part("Steps of the shipped procedures")
WRITES = _part("Writes (`actions`)")


@pytest.mark.parametrize(
    "table", sorted(m.__name__ for m in apps.get_models() if m.__module__.startswith("huying."))
)
def test_every_table_has_its_line(table: str) -> None:
    assert re.sub(r"(?<!^)(?=[A-Z])", "_", table).lower() in CONCEPTS


@pytest.mark.parametrize("room", ROOMS)
def test_every_action_has_its_line(room: str) -> None:
    actions = import_module(f"huying.{room}.actions")
    functions = {name for name in actions.__all__ if inspect.isfunction(getattr(actions, name))}
    assert sorted(functions - WRITES.keys()) == []


def test_no_line_is_of_an_action_that_is_gone() -> None:
    there = {name for room in ROOMS for name in import_module(f"huying.{room}.actions").__all__}
    assert sorted(WRITES.keys() - there) == []


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_step_is_called_the_same_in_every_procedure(path: Path) -> None:
    procedure = load(path)
    otherwise = {
        code: action.label.zh
        for code, action in procedure.actions.items()
        if action.label.zh not in STEPS.get(code, "")
    }
    assert not otherwise


@pytest.mark.parametrize("part", TEXT.split("\n## ")[1:], ids=lambda part: part.split("\n")[0])
def test_a_name_stands_once_in_its_part(part: str) -> None:
    names = [n for row in _CELLS.finditer(part) for n in re.findall(r"`(\w+)`", row["names"])]
    assert [name for name, times in Counter(names).items() if times > 1] == []
