"""Building part by part: each once, in a transaction of its own, by several processes.

A part and the row that says it is there are committed together. So a build that was broken off,
by whatever, goes on where it was; and two processes at the same part do it once: the second waits
for the first's transaction and then finds it done.
"""

import gc
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from django.db import connection, transaction
from django.db.backends.signals import connection_created

from huying.simulation.models import Part

Advance = Callable[[int], None]
Facts = Mapping[str, Any]

_STATEMENT_SECONDS = 600
_MESSAGE = struct.Struct(">i")  # shorter than PIPE_BUF: written and read as a whole


class PartFailed(RuntimeError):
    """A process of the build ended before its work; what it had committed stays."""


def facts_of(name: str) -> dict[str, Any] | None:
    """The facts of a part; None while it is not there."""
    return Part.objects.filter(name=name).values_list("facts", flat=True).first()


def once(name: str, work: Callable[[], Facts]) -> Facts:
    """The facts of a part, which is done and noted in one transaction unless it is there."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Waits while another process is at it: a row of an open transaction.
            cursor.execute(
                "INSERT INTO simulation_part (name, facts) VALUES (%s, '{}')"
                " ON CONFLICT (name) DO NOTHING",
                [name],
            )
            if cursor.rowcount == 0:
                there: Facts = Part.objects.get(name=name).facts
                return there
        facts = work()
        Part.objects.filter(name=name).update(facts=facts)
    return facts


def share(
    name: str,
    count: int,
    work: Callable[[int], int],
    *,
    processes: int,
    advance: Advance,
    meanwhile: Callable[[], object] = lambda: None,
) -> int:
    """Do the parts `name`/0 … `name`/count-1 that are not there yet; how much there is in all.

    `work` does one in the transaction it is called in and returns how much that was; with more
    than one process it is called in children of this one, which see what this one knew before.
    `advance` is told how much came in, and `meanwhile` is called now and then, in this process.
    """
    done = dict(
        Part.objects.filter(name__startswith=f"{name}/").values_list("name", "facts__count")
    )
    missing = [number for number in range(count) if f"{name}/{number}" not in done]
    found = int(sum(done.values()))
    advance(found)
    made: Iterator[int]
    if processes == 1 or len(missing) < 2:
        made = (_one(name, number, work) for number in missing)
    else:
        made = _by_children(name, missing, work, min(processes, len(missing)))
    for amount in made:
        found += amount
        advance(amount)
        meanwhile()
    return found


def _one(name: str, number: int, work: Callable[[int], int]) -> int:
    # A part is millions of objects that all stay to its end: looking for cycles among them again
    # and again was a fifth of the processor time.
    gc.disable()
    try:
        return int(once(f"{name}/{number}", lambda: {"count": work(number)})["count"])
    finally:
        gc.enable()


def _by_children(
    name: str, numbers: list[int], work: Callable[[int], int], processes: int
) -> Iterator[int]:
    """The amounts as they come in. Children take numbers from one pipe and report by another.

    Should this process be killed, their next report finds no reader, and they end as well.
    """
    connection.close()  # a connection must not be shared with a child
    todo, give = os.pipe()
    listen, report = os.pipe()
    context = get_context("fork")

    def child() -> None:
        os.close(give)
        os.close(listen)
        while number := os.read(todo, _MESSAGE.size):
            amount = _one(name, _MESSAGE.unpack(number)[0], work)
            os.write(report, _MESSAGE.pack(amount))
        connection.close()

    children = [context.Process(target=child, name=f"{name} {n}") for n in range(processes)]
    try:
        for one in children:
            one.start()
        os.close(todo)
        os.close(report)
        for number in numbers:
            os.write(give, _MESSAGE.pack(number))
        os.close(give)
        while amount := os.read(listen, _MESSAGE.size):
            yield _MESSAGE.unpack(amount)[0]
        for one in children:
            one.join()
        if any(one.exitcode for one in children):
            raise PartFailed(f"a process ended before its work on {name} was done")
    finally:
        for one in children:
            one.kill()
            one.join()
        os.close(listen)


@contextmanager
def patient() -> Iterator[None]:
    """Long statements are meant here, in this process and its children; not afterwards."""

    def wait(connection: Any, **_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, false)", [f"{_STATEMENT_SECONDS}s"]
            )

    connection.close()
    connection_created.connect(wait)
    try:
        yield
    finally:
        connection_created.disconnect(wait)
        connection.close()
