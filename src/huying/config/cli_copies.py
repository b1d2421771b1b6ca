"""Commands that keep a county: backups, restoring, checking, a standby, the ledger after all."""

import os
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from huying.config.preparation import is_embedded, setup

copies = typer.Typer()
ledger_app = typer.Typer(help="The ledger, when something has happened to it.")
copies.add_typer(ledger_app, name="ledger")


@copies.command()
def archive() -> None:
    """Copy the database's log and new attachments as they come (`up` runs it by itself)."""
    setup()
    from django.conf import settings

    from huying.config.copies import archive as copying

    copying.run(_until_stopped(), settings.BACKUP_DIR)


def _until_stopped() -> threading.Event:
    """Set when this process is asked to end."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


@copies.command()
def backup(
    folder: Annotated[
        Path | None, typer.Option(help="Where to; default HUYING_BACKUP_DIR.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="Also copy the keys, to this other place.")
    ] = None,
    keep: Annotated[int, typer.Option(help="How many stay; older ones go, with their log.")] = 30,
    dump: Annotated[
        bool, typer.Option(help="A dump, to move the county to another server.")
    ] = False,
    check: Annotated[bool, typer.Option(help="Take none; check all there are.")] = False,
) -> None:
    """Copy database and attachments to a new dated folder; keys apart, on request."""
    setup()
    from django.conf import settings

    from huying.config import backups
    from huying.config.copies import base
    from huying.config.progress import bars

    place = folder or settings.BACKUP_DIR
    if check:
        with bars() as bar:
            wrong = backups.check_all(place) + base.check_all(place, bar)
        typer.echo("\n".join(wrong) or "备份完好 / every backup is whole")
        raise SystemExit(1 if wrong else 0)
    if dump or not is_embedded():
        typer.echo(str(backups.backup(place, keys_to=keys)))
        return
    with bars() as bar:
        made = base.take(place, keys_to=keys, keep=keep, bars=bar)
    typer.echo(str(made.folder))


@copies.command()
def restore(
    folder: Annotated[
        Path | None, typer.Argument(help="A backup, or a folder of them; else HUYING_BACKUP_DIR.")
    ] = None,
    at: Annotated[
        str, typer.Option(help="The moment, with its zone: 2026-11-22T14:05:00+08:00.")
    ] = "",
    replace: Annotated[
        bool, typer.Option(help="Replace what is there now; a base backup sets it aside.")
    ] = False,
    keys: Annotated[Path | None, typer.Option(help="Folder the keys were copied to.")] = None,
    rehearsal: Annotated[
        bool, typer.Option(help="Into another data directory, to see that it works: sign nothing.")
    ] = False,
) -> None:
    """Put the county back, after checking every file; then verify its ledger and check it."""
    if folder is not None and (folder / "database.dump").exists():
        setup()
        from huying.config import backups

        backups.restore(folder, replace=replace, keys_from=keys)
        typer.echo("restored; run `huying verify` and `huying fsck` to check it")
        return
    # Without its database: that is what comes back.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
    import django

    django.setup()
    from huying.config.copies import returning
    from huying.config.progress import bars

    with bars() as bar:
        done = returning.bring_back(
            folder, at=at, replace=replace, keys_from=keys, rehearsal=rehearsal, bars=bar
        )
    typer.echo(done.in_words())
    raise SystemExit(0 if done.ok else 1)


@copies.command()
def fsck(
    repair: Annotated[bool, typer.Option(help="Write derived data anew where it differs.")] = False,
    only: Annotated[str, typer.Option(help="Parts, as observations,cases.")] = "",
    processes: Annotated[
        int, typer.Option(min=0, help="That share the work; 0 = one for each core, at most 8.")
    ] = 0,
) -> None:
    """Derive everything derived anew and name what differs.

    Exit status 0: nothing does; 1: something does; 2: it could not be done to the end.
    """
    setup()
    from huying.config import checking
    from huying.config.progress import bars
    from huying.directory.permissions import DomainError

    try:
        with bars() as bar:
            report = checking.check(only=only, repair=repair, bars=bar, processes=processes)
    except DomainError as refused:
        typer.echo(f"{refused.zh}\n{refused.en}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        typer.echo(
            "已停止，没有核对完，已经改正的保留。 / Stopped before its end; repairs stay.", err=True
        )
        raise SystemExit(130) from None
    typer.echo(report.in_words())
    raise SystemExit(0 if report.ok else 1)


@copies.command()
def standby(
    watch: Annotated[bool, typer.Option("--watch", help="Keep it running, as `up` does.")] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Go on with one server; set the second aside.")
    ] = False,
) -> None:
    """Make (or start) a second server that takes every commit along before it is confirmed."""
    setup()
    from huying.config import replication

    if watch:
        replication.watch(_until_stopped())
    elif remove:
        typer.echo(replication.remove_standby() or "没有热备库 / there is none")
    else:
        typer.echo(replication.ensure_standby())


@copies.command()
def promote() -> None:
    """Let the second server take over: the first is gone, and is set aside."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
    import django

    django.setup()
    from huying.config import replication

    typer.echo(replication.promote())


@ledger_app.command("anew")
def ledger_anew(
    yes: Annotated[bool, typer.Option("--yes", help="End this log and begin another.")] = False,
) -> None:
    """Begin another log over the same records, where published entries are lost for good."""
    if not yes:
        typer.echo(
            "先读 docs/ledger.md“恢复之后”，再加 --yes / read docs/ledger.md first", err=True
        )
        raise SystemExit(2)
    setup()
    from huying.ledger import sequencer

    typer.echo(sequencer.begin_anew(by="system:operator"))
