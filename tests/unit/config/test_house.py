"""The house keeps its own rules: what import-linter cannot see."""

import ast
import inspect
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db.models import ForeignKey
from procrastinate.contrib.django import app as jobs
from procrastinate.periodic import PeriodicTask

from huying.standards.deadlines import SHANGHAI

SOURCE = Path(__file__).resolve().parents[3] / "src" / "huying"
ROOMS = ("ledger", "directory", "notices", "sensing", "exchange", "cases", "community")
ORDER = {room: height for height, room in enumerate((*ROOMS, "onestop", "insight", "simulation"))}
LONGEST_FILE = 600


def _foreign_keys() -> Iterator[tuple[str, str, str]]:
    for model in apps.get_models():
        if model._meta.app_label in ORDER:
            for field in model._meta.get_fields():
                if isinstance(field, ForeignKey):
                    target = field.related_model
                    assert not isinstance(target, str)
                    yield (
                        f"{model.__name__}.{field.name}",
                        model._meta.app_label,
                        target._meta.app_label,
                    )


@pytest.mark.parametrize(("name", "room", "target"), list(_foreign_keys()))
def test_foreign_keys_point_down(name: str, room: str, target: str) -> None:
    assert ORDER[target] <= ORDER[room], f"{name} of {room} points up to {target}"


def _deferred_jobs() -> Iterator[tuple[str, str]]:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") == "configure_task"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield str(node.args[0].value), str(path.relative_to(SOURCE))


def test_jobs_are_deferred_by_names_that_exist() -> None:
    known = set(jobs.tasks)
    unknown = [(name, path) for name, path in _deferred_jobs() if name not in known]
    assert not unknown


# Jobs of the clock in which nothing is due by a time, or whose effect can be taken back.
GO_ON = {
    "cases.fold_tallies",
    "cases.recompute_provisional",
    "notices.drain",
    "sensing.hand_over_alerts",
}


def test_every_job_of_the_clock_asks_whether_the_time_is_to_be_trusted() -> None:
    asks = {
        name: f'check_time(job="{name}"' in inspect.getsource(found.task.func)
        for (name, _id), found in jobs.periodic_registry.periodic_tasks.items()
        if not name.startswith("builtin")
    }
    assert {name for name, it_asks in asks.items() if not it_asks} == GO_ON


def test_nightly_work_is_done_at_night_and_at_noon_what_a_night_missed() -> None:
    """Times of the clock are UTC, nights are the county's. A run that was missed is not made up
    for, and a machine may be off each night."""
    day = datetime(2026, 11, 28, tzinfo=SHANGHAI).timestamp()

    def hours_of(found: PeriodicTask[Any, Any, Any]) -> list[int]:
        first = found.croniter.get_next(ret_type=float, start_time=day)
        second = found.croniter.get_next(ret_type=float, start_time=first)
        return [datetime.fromtimestamp(at, SHANGHAI).hour for at in (first, second)]

    hours = {
        name: hours_of(found)
        for (name, _id), found in jobs.periodic_registry.periodic_tasks.items()
        if not name.startswith("builtin") and found.cron.split()[1] != "*"
    }
    assert hours.pop("notices.tell_of_idle_accounts") == [9, 9], "when people are at work"
    assert hours
    assert {name: found for name, found in hours.items() if found != [3, 13]} == {}


def test_no_model_has_an_ordering_of_its_own() -> None:
    ordered = [
        m.__name__ for m in apps.get_models() if m._meta.app_label in ORDER and m._meta.ordering
    ]
    assert not ordered


def test_files_stay_below_the_ceiling() -> None:
    root = SOURCE.parents[1]
    long = {
        str(path.relative_to(root)): lines
        for folder in (SOURCE, root / "tests", root / "benchmarks")
        for path in folder.rglob("*.py")
        if "migrations" not in path.parts
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert not long


def test_every_room_says_what_it_is_for() -> None:
    silent = [
        folder.name
        for folder in SOURCE.iterdir()
        if folder.is_dir()
        and not folder.name.startswith("__")
        and not (folder / "README.md").exists()
    ]
    assert not silent


# What other rooms may import of a room, besides what the contracts name one by one.
PUBLIC = {
    "ledger": {"actions", "queries"},
    "directory": {
        *("actions", "queries", "events"),
        *("permissions", "vault", "throttle", "bearer", "templatetags"),
    },
    "notices": {"actions", "queries"},
    "sensing": {"actions", "queries", "events"},
    "cases": {"actions", "queries", "events"},
}
NOT_CODE = {"migrations", "static", "procedures", "dictionary"}


@pytest.mark.parametrize("room", PUBLIC)
def test_what_a_room_does_not_show_is_protected(room: str) -> None:
    project = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    protected = {
        module.rpartition(".")[2]
        for contract in project["tool"]["importlinter"]["contracts"]
        for module in contract.get("protected_modules", ())
        if module.startswith(f"huying.{room}.")
    }
    there = {
        path.stem
        for path in (SOURCE / room).iterdir()
        if (path.is_dir() and not path.name.startswith("__"))
        or (path.suffix == ".py" and path.stem != "__init__")
    } - NOT_CODE
    assert there - PUBLIC[room] == protected
