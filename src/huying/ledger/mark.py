"""The last checkpoint this county signed, remembered apart from its database.

A database that was put back to an earlier time knows nothing of what it signed since; a
sequencer that went on from there would sign a second history under the same name and key.
So the checkpoint is written beside the keys before it is published, and nothing is signed that
contradicts it. settings.LEDGER_MARK names the file; empty, nothing is remembered.
"""

import os
from pathlib import Path

from django.conf import settings

from huying.ledger.rules import merkle, notes
from huying.ledger.rules.errors import LedgerError, MalformedNote


class LedgerWentBack(LedgerError):
    """The database knows less than was signed, or something else."""

    code = "LEDGER_WENT_BACK"
    status = 409


def last_signed(origin: str) -> notes.CheckpointBody | None:
    """What was signed last under this name; None where nothing is remembered."""
    path = _path()
    try:
        text = path.read_text(encoding="utf-8") if path else ""
    except FileNotFoundError:
        return None
    if not text:
        return None
    try:
        body = notes.parse_checkpoint(notes.parse_note(text).text)
    except MalformedNote as error:
        raise LedgerWentBack(
            f"{path} 损坏，不知道最后签的是什么，停止封存。",
            f"{path} is damaged: what was signed last is not known; sealing stops.",
        ) from error
    return body if body.origin == origin else None


def require_same_history(
    origin: str, size: int, frontier: list[bytes], leaves: list[bytes]
) -> None:
    """Raises LedgerWentBack unless the tree of `size` with these leaves behind it contains what
    was signed last.

    A sequencer killed between signing and commit finds a mark ahead of its database; the same
    records then lead to the same root, and it goes on.
    """
    signed = last_signed(origin)
    if signed is None or signed.size < size:
        return
    if signed.size <= size + len(leaves):
        grown = merkle.grow(size, frontier, leaves[: signed.size - size])
        if grown.root == signed.root:
            return
    raise LedgerWentBack(
        f"账本在数据库里只有 {size} 条，而已经公布过 {signed.size} 条的检查点：数据库被退回过。"
        "为了不签出两本不同的账，停止封存；请见 docs/ledger.md 的“恢复之后”。",
        f"The database holds {size} entries, but a checkpoint over {signed.size} was published: "
        "it was put back. Sealing stops rather than sign a second history; see docs/ledger.md, "
        "“After a restore”.",
    )


def remember(note: str) -> None:
    """Write down what is about to be published. A disk that takes nothing stops the seal."""
    path = _path()
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _path() -> Path | None:
    return Path(settings.LEDGER_MARK) if settings.LEDGER_MARK else None
