"""Bars for what an operator waits for, on the terminal's error output."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[[int, int], None]
"""Called with (done, in all)."""
Bars = Callable[[str], Advance]
"""A bar of this name."""

_SECONDS_BETWEEN: Final = 0.1
_SECONDS_BETWEEN_LINES: Final = 60.0


@contextmanager
def bars() -> Iterator[Bars]:
    """A bar for each part; where the output is no terminal, a line a minute and their last state.

    Drawn by this thread alone, for whoever is called with them may fork.
    """
    drawn_at, said_at = 0.0, time.monotonic()
    with Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=28),
        TextColumn("{task.completed:>11,.0f}/{task.total:,.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        auto_refresh=False,
    ) as progress:

        def bar(name: str) -> Advance:
            task = progress.add_task(name, total=1)
            progress.refresh()

            def advance(done: int, total: int) -> None:
                nonlocal drawn_at, said_at
                now = time.monotonic()
                progress.update(task, completed=done, total=max(total, done))
                if now - drawn_at >= _SECONDS_BETWEEN:
                    progress.refresh()
                    drawn_at = now
                if not progress.console.is_terminal and now - said_at >= _SECONDS_BETWEEN_LINES:
                    progress.console.print(f"{name} {done:,.0f}/{total:,.0f}")
                    said_at = now

            return advance

        yield bar


def no_bars(_name: str) -> Advance:
    """For callers without a terminal."""
    return lambda _done, _total: None
