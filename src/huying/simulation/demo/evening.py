"""`huying demo`: the county if there is none, the site, two stories, the proof."""

import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol, TypeVar

import httpx
from rich.console import Console
from rich.table import Table

from huying.directory import queries as directory
from huying.ledger import sequencer, verify
from huying.simulation import county
from huying.simulation.demo import air_story, report_story
from huying.simulation.demo.people import Staff
from huying.simulation.demo.telling import NotClosed, Teller

_READY_SECONDS = 60
_WIDTH_OF_A_LOG = 132
_ROLES = ("OFFICER", "GRID_WORKER", "DISPATCHER", "INTAKE_CLERK")


class Child(Protocol):
    """A process of the site, as config.processes has it."""

    def tend(self) -> None: ...


AnyChild = TypeVar("AnyChild", bound=Child)


def run(
    *,
    once: bool,
    host: str,
    port: int,
    hj212_port: int,
    residents: int,
    seed: int,
    start: Callable[[], list[AnyChild]],
    stop: Callable[[list[AnyChild]], None],
    cases: int = 0,
    days: int = 365,
    console: Console | None = None,
) -> int:
    """Build the county if the database holds none, start the site, tell both stories.

    `start` starts the processes of the site (web on `port`, stream on `port` + 1, worker,
    ingest on `hj212_port`) and returns them, `stop` ends them: this room may not know how.
    `cases` 0 = a tenth of `residents`. With `once` everything is stopped at the end and the
    return value is 0 only if every link closed and the ledger verifies; else this keeps the
    site running until interrupted.
    """
    console = console or Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_LOG)
    began = time.monotonic()
    console.print(
        "[bold]呼应 Huying[/]　清和县，一座虚构的县　[dim]a county that does not exist[/]"
    )
    if county.is_empty() or county.is_unfinished():
        try:
            built = county.build(
                residents=residents,
                cases=cases or residents // 10,
                days=days,
                seed=seed,
                console=console,
            )
        except county.CountyUnfinished as refused:
            console.print(str(refused))
            return 1
        console.print(
            f"  {built.townships} 个乡镇街道、{built.villages} 个村和社区、{built.grids} 个网格、"
            f"{built.residents:,} 名居民、{built.staff} 名工作人员、{built.stations} 个空气站、"
            f"{built.cases:,} 件往事，用时 {built.seconds:.0f} 秒",
            highlight=False,
        )
    else:
        console.print("  数据库里已有演示县，接着用。 [dim]using the county that is there[/]")
    children = start()
    _stop_on_signals()
    try:
        _wait_until_ready(host, port, hj212_port, children)
        teller = Teller(console)
        _tell(teller, host, port, hj212_port, seed)
        sequencer.seal_all()
        report = verify.verify_database()
        console.print()
        if report.ok:
            teller.link("验真 verify", f"账本 {report.size:,} 条全部重新推算，一致")
        else:
            teller.broken("验真 verify", report.in_words())
        console.print(teller.table())
        closed = sum(link.closed for link in teller.links)
        console.print(
            f"  {closed}/{len(teller.links)} 个环节闭合，共用时 {time.monotonic() - began:.0f} 秒",
            highlight=False,
        )
        if once:
            return 0 if teller.all_closed else 1
        _invite(console, host, port, hj212_port)
        _stay(children)
    except KeyboardInterrupt:
        return 130 if once else 0
    finally:
        stop(children)


def _tell(teller: Teller, host: str, port: int, hj212_port: int, seed: int) -> None:
    site, stream = f"http://{host}:{port}", f"http://{host}:{port + 1}"
    people: dict[str, Staff] = {}
    with teller.chain():
        people = {role: Staff(site, role) for role in _ROLES}
    if not people:
        return
    with teller.chain():
        air_story.tell(teller, host=host, hj212_port=hj212_port, stream=stream, people=people)
    with teller.chain():
        report_story.tell(teller, site=site, stream=stream, people=people, seed=seed)
    for person in people.values():
        person.client.close()


def _wait_until_ready(host: str, port: int, hj212_port: int, children: Sequence[Child]) -> None:
    """Until pages, live stream and the HJ 212 listener all answer; `NotClosed` otherwise."""
    deadline = time.monotonic() + _READY_SECONDS
    waiting: dict[str, Callable[[], bool]] = {
        "web": lambda: _answers(f"http://{host}:{port}/readyz"),
        "stream": lambda: _answers(f"http://{host}:{port + 1}/healthz"),
        "ingest": lambda: _listens(host, hj212_port),
    }
    while waiting:
        for child in children:
            child.tend()
        waiting = {name: ask for name, ask in waiting.items() if not ask()}
        if time.monotonic() > deadline:
            names = "、".join(waiting)
            raise NotClosed(f"{names} 在 {_READY_SECONDS} 秒内没有就绪 / not ready: {names}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _invite(console: Console, host: str, port: int, hj212_port: int) -> None:
    """Where to look now."""
    site = f"http://{host}:{port}"
    table = Table(title="一键登录 one-click sign-ins", title_justify="left", show_header=False)
    for card in directory.demo_accounts():
        table.add_row(card.label, card.name, card.organisation)
    console.print(table)
    console.print(
        f"  居民首页 [bold]{site}/[/]　登录 [bold]{site}/sign-in/[/]　"
        f"接口 {site}/api/v1/docs　HJ 212 端口 {hj212_port}　[dim]Ctrl-C 停止[/]",
        highlight=False,
    )


def _stay(children: Sequence[Child]) -> NoReturn:
    """Keep the site running; `KeyboardInterrupt` ends it."""
    while True:
        for child in children:
            child.tend()
        time.sleep(0.5)


def _stop_on_signals() -> None:
    """However it is asked to stop, it stops what it started."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, stop)
