"""The `huying` command line: each command prepares the process, then makes one call."""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from huying.config.cli_copies import copies
from huying.config.preparation import data_dir, is_embedded, reach, setup
from huying.telemetry import shared

app = typer.Typer(
    name="huying",
    help="呼应 Huying: what people call out for, we answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
hj212_app = typer.Typer(help="HJ 212 for the engineer in the field.", no_args_is_help=True)
replay_app = typer.Typer(help="Play recorded data as if it came in now.", no_args_is_help=True)
witness_app = typer.Typer(help="Watch a ledger from outside, with a key of one's own.")
app.add_typer(copies)
app.add_typer(hj212_app, name="hj212")
app.add_typer(replay_app, name="replay")
app.add_typer(witness_app, name="witness")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.")]
Hj212Port = Annotated[
    int, typer.Option(envvar="HUYING_HJ212_PORT", help="Port for HJ 212 devices.")
]


def _django(*arguments: str, **options: Any) -> None:
    from django.core.management import call_command

    call_command(*arguments, **options)


@app.command()
def migrate() -> None:
    """Create or upgrade the county's tables and the parameters that ship with Huying."""
    setup()
    from huying.config import release
    from huying.config.provision import provision

    _django("migrate", verbosity=0, interactive=False)
    provision()
    release.remember(reach())
    typer.echo("ready: tables and parameters are current")


@app.command()
def begin(
    code: Annotated[str, typer.Argument(help="Six-digit code of the county.")],
    name: Annotated[str, typer.Argument(help="Its name.")],
) -> None:
    """Open a new county: its first two administrators, with passwords for the first sign-in."""
    migrate()
    from huying.config import beginning

    for person in beginning.begin(code=code, name=name):
        typer.echo(f"{person.role.label}: {person.username}  {person.password}")


@app.command()
def keys() -> None:
    """Make the keys that are missing in HUYING_KEY_DIR, to be mounted read-only later."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
    import django

    django.setup()
    from huying.config.keys import make_missing

    typer.echo("\n".join(make_missing()))


@app.command("rotate-keys")
def rotate_keys(
    index: Annotated[
        bool,
        typer.Option("--index", help="The key of the blind indexes, by which people are found."),
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only count what lies under which key."),
    ] = False,
    resume: Annotated[bool, typer.Option(help="Go on with the newest key, make none.")] = False,
) -> None:
    """A new key for the vault: re-seals every value while the site runs. Stopped, it goes on."""
    setup()
    from huying.directory import actions, queries

    if index:
        found = queries.indexes_in_use() if check else _rotating(actions.rotate_index_key, resume)
        for number in range(1, found.newest + 1):
            note = "written now" if number == found.written else ""
            typer.echo(
                f"index key {number}: {found.values.get(number, 0):,} indexes  {note}".rstrip()
            )
        raise SystemExit(1 if found.unfinished else 0)
    stands = queries.keys_in_use() if check else _rotating(actions.rotate_keys, resume)
    for number in stands.known:
        note = "seals" if number == stands.active else ""
        if number in stands.removable:
            note = "no longer needed here; keep it with the backups of its time"
        typer.echo(f"key {number}: {stands.values.get(number, 0):,} values  {note}".rstrip())
    raise SystemExit(1 if stands.old_values else 0)


def _rotating(rotate: Callable[..., Any], resume: bool) -> Any:
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from huying.directory.permissions import Actor

    columns = (TextColumn("{task.completed:,} done"), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=None)
        return rotate(
            by=Actor.system("operator"),
            new=not resume,
            progress=lambda done: bar.update(task, completed=done),
        )


@app.command()
def password(username: str) -> None:
    """A new password for one sign-in, for an administrator nobody else can help."""
    setup()
    from huying.config import beginning

    typer.echo(beginning.let_in(username=username))


@app.command()
def responsibilities(
    file: Annotated[Path, typer.Argument(help="CSV: 类别,区划,主办单位,协办单位,依据.")],
) -> None:
    """Read the county's table of responsibilities: who answers for what, where."""
    setup()
    from huying.config import responsibilities as table
    from huying.directory.permissions import Actor

    typer.echo(f"{table.load(file, by=Actor.system('operator'))} lines are in place")


@app.command()
def residents(
    file: Annotated[
        Path, typer.Argument(help="CSV: 户号,姓名,身份证号,电话,户籍地,居住地,住址,网格,外出.")
    ],
) -> None:
    """Read a register of residents into the vault; again for each new edition of it."""
    setup()
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from huying.config import registers
    from huying.directory.permissions import Actor

    columns = (TextColumn("{task.completed:,} sealed"), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=None)
        done = registers.load(
            file,
            by=Actor.system("operator"),
            progress=lambda sealed: bar.update(task, completed=sealed),
        )
    typer.echo(
        f"{done.new:,} residents are new, {done.known:,} were brought up to date, "
        f"{done.households:,} households"
    )
    if done.erased:
        typer.echo(
            f"{done.erased:,} 人已依法删除，没有再导入 (were erased by law and not imported again)"
        )


@app.command()
def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    hj212_port: Hj212Port = 9212,
    workers: Annotated[int, typer.Option(help="Web workers; as many as cores.")] = 2,
) -> None:
    """Run everything on one machine until stopped: database, web, stream, worker, ingest."""
    from huying.config import turns

    with turns.up(data_dir()):
        _up(host, port, hj212_port=hj212_port, workers=workers)


def _up(host: str, port: int, *, hj212_port: int, workers: int) -> None:
    url = reach()
    from django.conf import settings

    from huying.config import embedded, processes, release

    if not release.is_prepared(url):
        migrate()
    typer.echo(f"呼应 Huying: http://{host}:{port}  (HJ 212 on port {hj212_port}; Ctrl-C stops)")
    children = processes.everything(host, port, hj212_port=hj212_port, workers=workers)
    if not is_embedded():
        processes.supervise(children)
        return
    children += processes.of_embedded(settings.DATA_DIR, settings.BACKUP_DIR)
    processes.supervise(children, beside=embedded.Keeper(settings.DATA_DIR).tend)


@app.command()
def down(
    first: Annotated[
        bool, typer.Option("--first", help="Only the first server, so that the standby takes over.")
    ] = False,
) -> None:
    """Stop the embedded database (the last thing that runs after `up` has ended)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
    from django.conf import settings

    from huying.config import embedded, turns

    with turns.servers(settings.DATA_DIR):
        if first:
            embedded.stop(settings.POSTGRES_DIR)
        else:
            embedded.stop_all(settings.DATA_DIR)


def _become(command: list[str]) -> NoReturn:
    """Go on as another program, once the log of this one is written."""
    logging.shutdown()
    os.execv(command[0], command)


@app.command()
def web(host: Host = "127.0.0.1", port: Port = 8000, workers: int = 2) -> None:
    """Pages and the REST interface alone, for a container of its own."""
    shared.begin_here()
    setup()
    from huying.config import processes

    command = processes.web(host, port, workers)
    _become(command)


@app.command()
def stream(host: Host = "127.0.0.1", port: Port = 8001) -> None:
    """Live updates alone, for a container of its own."""
    shared.begin_here()
    setup()
    from huying.config import processes

    command = processes.stream(host, port)
    _become(command)


@app.command()
def worker() -> None:
    """Jobs and the ledger's sequencer alone, for a container of its own."""
    shared.begin_here()
    setup()
    from procrastinate.contrib.django import app as jobs

    from huying.config import clock_jumps, gauges, watching
    from huying.ledger import sequencer

    stopping = threading.Event()
    thread = threading.Thread(target=sequencer.run, args=(stopping,), name="sequencer")
    thread.start()
    gauges.start(stopping)
    clock_jumps.start(stopping)
    watching.show_tasks(jobs.tasks)
    around = [*jobs.worker_defaults.get("task_middleware", ()), watching.watch_job]
    connector = jobs.connector.get_worker_connector()  # type: ignore[attr-defined]  # DjangoConnector's own
    try:
        with jobs.replace_connector(connector) as app_with_connector:
            app_with_connector.run_worker(
                concurrency=4,
                fetch_job_polling_interval=2.0,
                shutdown_graceful_timeout=5,
                # What is done is told by acts and metrics; a row for each would grow for ever.
                delete_jobs="successful",
                task_middleware=around,
            )
    finally:
        stopping.set()
        thread.join(timeout=5)


@app.command()
def ingest(
    processes: Annotated[int, typer.Option(help="Listener processes on one port.")] = 1,
) -> None:
    """Listeners for devices alone (HJ 212 over TCP; MQTT when HUYING_MQTT_URL is set)."""
    shared.begin_here()
    setup()
    from huying.sensing import listeners

    listeners.run(processes=processes)


@app.command()
def simulate(
    residents: int = 60_000,
    cases: int = 6_000,
    days: Annotated[int, typer.Option(help="Length of the history.")] = 365,
    observations: Annotated[
        int, typer.Option(help="Measured values, by as many stations; 0 = 40 stations.")
    ] = 0,
    seed: int = 2026,
    processes: Annotated[int, typer.Option(help="That share the work; 0 = one for each core.")] = 0,
) -> None:
    """Build the demonstration county 清和县 in an empty database, or go on with one broken off."""
    os.environ.setdefault("HUYING_TRAIL", "0")
    migrate()
    from huying.directory.permissions import DomainError
    from huying.simulation import county

    try:
        built = county.build(
            residents=residents,
            cases=cases,
            days=days,
            observations=observations,
            seed=seed,
            processes=processes or None,
        )
    except DomainError as refused:
        typer.echo(str(refused), err=True)
        raise SystemExit(1) from None
    typer.echo(f"{built.residents:,} residents, {built.cases:,} cases, {built.seconds:,.0f} s")


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="Check the loop, print a summary, exit.")] = False,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    hj212_port: Hj212Port = 9212,
    residents: int = 60_000,
    seed: int = 2026,
) -> None:
    """The demonstration county, and one polluted evening told as it happens."""
    os.environ["HUYING_DEMO"] = "1"
    # The terminal is for the story.
    os.environ.setdefault("HUYING_TRAIL", "0")
    # The ledger is named after the address of the site: before anything is sealed.
    os.environ.setdefault("HUYING_PUBLIC_URL", f"http://{host}:{port}")
    migrate()
    from django.conf import settings

    from huying.config import processes, turns
    from huying.simulation import demo as story

    def start() -> list[processes.Process]:
        children = processes.everything(host, port, hj212_port=hj212_port)
        for child in children:
            child.start()
        if is_embedded():
            # These start when there is something for them to do.
            children += processes.of_embedded(settings.DATA_DIR, settings.BACKUP_DIR)
        return children

    with turns.up(data_dir()):
        status = story.run(
            once=once,
            host=host,
            port=port,
            hj212_port=hj212_port,
            residents=residents,
            seed=seed,
            start=start,
            stop=processes.stop_all,
        )
    raise SystemExit(status)


@replay_app.command("air")
def replay_air(
    files: list[Path],
    speed: Annotated[
        float, typer.Option(help="Hours of data a second; 0 = as fast as it goes.")
    ] = 0,
    host: str = "127.0.0.1",
    port: Hj212Port = 9212,
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")] = "",
    until: Annotated[str, typer.Option(help="Day after the last, YYYY-MM-DD.")] = "",
) -> None:
    """Play hourly air quality series as HJ 212 devices over TCP."""
    setup()
    from huying.sensing import replay

    result = replay.air(files, speed=speed, host=host, port=port, since=since, until=until)
    typer.echo(json.dumps(result.as_dict(), ensure_ascii=False))


@replay_app.command("messages")
def replay_messages(
    file: Path,
    url: Annotated[str, typer.Option(help="The site to send to.")] = "http://127.0.0.1:8000",
    limit: Annotated[int, typer.Option(help="At most so many; 0 = all.")] = 300,
    token: Annotated[
        str, typer.Option(envvar="HUYING_API_TOKEN", help="Of scope reports:write: no rate limit.")
    ] = "",
) -> None:
    """Play residents' messages (CSV) as reports through the public API."""
    setup()
    from huying.simulation import messages

    counts = messages.replay(file, url=url, limit=limit, token=token)
    typer.echo(json.dumps(counts, ensure_ascii=False))


@app.command()
def verify(
    source: Annotated[
        str, typer.Argument(help="Folder or address of the tiles; empty: this county.")
    ] = "",
    key: Annotated[
        str, typer.Option(help="The ledger's public key line, got some other way.")
    ] = "",
) -> None:
    """Re-derive the whole ledger from its tiles alone and name the first entry that is wrong."""
    setup()
    from huying.ledger import verify as verification

    report = (
        verification.verify_database()
        if not source
        else verification.verify(source, public_key=key or None)
    )
    typer.echo(report.in_words())
    raise SystemExit(0 if report.ok else 1)


@witness_app.command("check")
def witness_check(
    source: Annotated[str, typer.Argument(help="Address of the ledger.")],
    state: Annotated[Path, typer.Option(help="File that keeps the last checkpoint seen.")],
    key_file: Annotated[Path, typer.Option(help="The witness's own key; made if missing.")],
) -> None:
    """Check that the ledger only grew since last time, and co-sign its checkpoint."""
    setup()
    from huying.ledger import witness

    result = witness.check(source, state=state, key_file=key_file)
    typer.echo(result.in_words())
    raise SystemExit(0 if result.ok else 1)


@hj212_app.command("decode")
def hj212_decode(
    file: Annotated[Path | None, typer.Argument(help="Frames; standard input without it.")] = None,
) -> None:
    """One JSON line a frame: its fields, or the reason it was refused."""
    from huying.sensing import decode

    source = file.open("rb") if file else sys.stdin.buffer
    with source:
        for line in decode.lines(source):
            typer.echo(line)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def django(context: typer.Context) -> None:
    """Any of Django's own commands, e.g. `huying django shell`."""
    setup()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["huying django", *context.args])


def main() -> None:
    """A refusal is told in two lines; anything else keeps its traceback."""
    try:
        app()
    except Exception as error:
        zh, en = getattr(error, "zh", ""), getattr(error, "en", "")
        if not zh:
            raise
        typer.echo(f"{zh}\n{en}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
