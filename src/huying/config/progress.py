"""Bars for what an operator waits for, on the terminal's error output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[[int, int], None]
"""Called with (done, in all)."""
Bars = Callable[[str], Advance]
"""A bar of this name."""


@contextmanager
def bars() -> Iterator[Bars]:
    """A bar for each part; where the output is no terminal, nothing but their last state."""
    with Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=28),
        TextColumn("{task.completed:>11,.0f}/{task.total:,.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:

        def bar(name: str) -> Advance:
            task = progress.add_task(name, total=1)
            return lambda done, total: progress.update(task, completed=done, total=max(total, done))

        yield bar


def no_bars(_name: str) -> Advance:
    """For callers without a terminal."""
    return lambda _done, _total: None
