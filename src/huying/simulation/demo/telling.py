"""What the terminal shows: the links of each story, measured as they close."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from rich.console import Console
from rich.table import Table

T = TypeVar("T")


@dataclass(slots=True)
class Link:
    """One link of a chain. `ms` is None where only its closing matters, not its time."""

    story: str
    name: str
    closed: bool = False
    ms: float | None = None
    text: str = ""


class NotClosed(AssertionError):
    """What a link waited for did not come."""


@dataclass(slots=True)
class Teller:
    """Tells what happens and keeps the links."""

    console: Console
    links: list[Link] = field(default_factory=list)
    story: str = ""
    _since: float = field(default_factory=time.perf_counter)

    def begin(self, story: str, words: str) -> None:
        self.story = story
        self._since = time.perf_counter()
        self.console.print()
        self.console.rule(f"[bold]{story}[/]　{words}", align="left", style="dim")

    def say(self, words: str) -> None:
        """A line between the links."""
        self.console.print(f"          {words}", style="dim", highlight=False)

    def link(self, name: str, words: str, ms: float | None = None) -> None:
        """A link that closed. `ms` = how long it took."""
        self.links.append(Link(self.story, name, True, ms, words))
        took = "" if ms is None else f"{ms:,.0f} ms" if ms >= 10 else f"{ms:.1f} ms"
        self.console.print(
            f"  [green]✓[/] [bold]{name}[/]　{words}　[cyan]{took}[/]", highlight=False
        )

    def broken(self, name: str, why: str) -> None:
        """A link that did not close."""
        self.links.append(Link(self.story, name, False, None, why))
        self.console.print(f"  [red]✗[/] [bold]{name}[/]　{why}", highlight=False)

    @contextmanager
    def chain(self) -> Iterator[None]:
        """Links that follow from one another: what breaks one ends the story, told why."""
        try:
            yield
        except Exception as error:
            self.broken(type(error).__name__, str(error)[:300])

    @property
    def all_closed(self) -> bool:
        return bool(self.links) and all(link.closed for link in self.links)

    def table(self) -> Table:
        """Every link, by story."""
        table = Table(title="闭环小结 the loop, link by link", title_justify="left")
        table.add_column("故事 story")
        table.add_column("环节 link")
        table.add_column("", justify="center")
        table.add_column("毫秒 ms", justify="right")
        last = ""
        for link in self.links:
            table.add_row(
                link.story if link.story != last else "",
                link.name,
                "[green]✓[/]" if link.closed else "[red]✗[/]",
                "" if link.ms is None else f"{link.ms:,.1f}",
            )
            last = link.story
        return table


def wait_for(what: str, ask: Callable[[], T | None], *, seconds: float = 15) -> T:
    """What `ask` gives as soon as it gives something; `NotClosed` after `seconds`."""
    deadline = time.perf_counter() + seconds
    while True:
        found = ask()
        if found:
            return found
        if time.perf_counter() > deadline:
            raise NotClosed(f"等了 {seconds:.0f} 秒没有等到：{what} / did not come: {what}")
        time.sleep(0.002)
