"""A crew: processes that share one command's work, each with a session of its own.

They are forked, so that they know what this process knew, and take one task at a time. Results
come back in the order of the tasks, whoever was first. Where one of the crew dies, or this
process, all end.
"""

import itertools
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, Final, NamedTuple, TypeVar

from django.db import connection

from huying.config import orphans
from huying.directory.permissions import DomainError
from huying.ledger.queries import Spread

T = TypeVar("T")
R = TypeVar("R")

MOST: Final = 8
AHEAD: Final = 4
"""So many tasks a process may lie between the first result still awaited and the newest task."""


class CrewFailed(DomainError):
    """A process of the crew ended, or failed, before its work was done."""

    code = "CREW_FAILED"
    status = 500


class _Member(NamedTuple):
    child: multiprocessing.process.BaseProcess
    pipe: Connection


def cores() -> int:
    """How many this process may use, at most MOST: a container's share of its machine's is not told
    here, and each takes a session of the database."""
    return min(len(os.sched_getaffinity(0)), MOST)


@contextmanager
def crew(processes: int, begin: Callable[[], object]) -> Iterator[Spread]:
    """`map` by so many processes, each of which called `begin` first; by this one alone for 1.

    What is mapped, its arguments and results are sent between processes. Tasks are taken from
    their iterable as they are needed, in this process. Every mapping is gone through to its end
    before the next begins. Raises `CrewFailed`. No thread but the log's, which holds no
    lock, may run while the crew begins: a lock it held would stay locked in the others for ever.
    """
    if processes == 1:
        begin()
        yield map
        return
    connection.close()  # a session must not be shared with a child
    members: list[_Member] = []
    try:
        for number in range(processes):
            members.append(_engaged(f"crew {number}", begin, [one.pipe for one in members]))
        begin()
        yield partial(_spread, members)
        for one in members:
            one.pipe.close()  # they end by themselves
        for one in members:
            one.child.join()
    finally:
        for one in members:
            one.child.kill()
            one.child.join()
            one.pipe.close()


def _engaged(name: str, begin: Callable[[], object], others: list[Connection]) -> _Member:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    # The child has the ends of this process too; it closes them, to notice when this one is gone.
    work = (theirs, [*others, ours], os.getpid(), begin)
    child = context.Process(target=_serve, args=work, name=name)
    child.start()
    theirs.close()
    return _Member(child, ours)


def _serve(
    pipe: Connection, ends: list[Connection], parent: int, begin: Callable[[], object]
) -> None:
    """What a process of the crew does all its life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells all; the parent ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    orphans.end_with(parent)
    for end in ends:
        end.close()
    begin()
    while True:
        try:
            work, task = pipe.recv()
        except EOFError:
            break
        try:
            pipe.send((work(task), ""))
        except Exception:
            pipe.send((None, traceback.format_exc()))
    connection.close()


def _spread(members: list[_Member], work: Callable[[T], R], tasks: Iterable[T], /) -> Iterator[R]:
    coming, given, turn = enumerate(tasks), 0, 0
    free = list(members)
    at_work: dict[object, tuple[_Member, int]] = {}  # by their pipes
    results: dict[int, R] = {}
    while True:
        room = turn + AHEAD * len(members) - given
        for number, task in itertools.islice(coming, min(len(free), room)):
            member = free.pop()
            with _alive(member):
                member.pipe.send((work, task))
            at_work[member.pipe] = member, number
            given = number + 1
        if turn in results:
            yield results.pop(turn)
            turn += 1
        elif at_work:
            for pipe in wait([member.pipe for member, _number in at_work.values()]):
                member, number = at_work.pop(pipe)
                results[number] = _result(member)
                free.append(member)
        else:
            return


def _result(member: _Member) -> Any:
    with _alive(member):
        result, failure = member.pipe.recv()
    if failure:
        raise CrewFailed("核对进程出错，没有做完。", f"A process of the crew failed.\n{failure}")
    return result


@contextmanager
def _alive(member: _Member) -> Iterator[None]:
    """Whoever is not there to be spoken to has ended."""
    try:
        yield
    except (EOFError, OSError):
        member.child.join()
        code = member.child.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else str(code)
        raise CrewFailed(
            f"一个核对进程中途退出（{how}），核对没有做完。已经改正的不受影响，请重新运行。"
            "如果是内存不足，请用 --processes 减少进程。",
            f"A process of the crew ended before its work was done ({how}). What was repaired "
            "stays; run it again, with fewer --processes where memory was short.",
        ) from None
