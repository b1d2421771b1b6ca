"""A witness: somebody outside who remembers what the ledger said last time.

It keeps the last checkpoint it saw and the log's key as it was at the first visit. At each visit
it checks the signature, computes from the tiles that the tree has only grown, and co-signs the
checkpoint with its own key (C2SP cosignature/v1). A ledger that shows one history to one visitor
and another history to another is found out as soon as two of them compare, and one that goes
back on what it signed is found out at once; both checkpoints are then kept as evidence.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from huying.ledger.keys import key_file
from huying.ledger.rules import merkle, notes
from huying.ledger.rules.errors import LedgerError, MalformedNote, MalformedTile
from huying.ledger.rules.tiles import Wanted
from huying.ledger.sources import (
    CHECKPOINT_FILE,
    KEYS_FILE,
    Source,
    SourceUnreadable,
    open_source,
    tree_reader,
)

Outcome = Literal["FIRST_SEEN", "GREW", "UNCHANGED", "FORKED", "WENT_BACK", "NOT_SIGNED"]
_GOOD: Final[tuple[Outcome, ...]] = ("FIRST_SEEN", "GREW", "UNCHANGED")

_WORDS: Final[dict[Outcome, tuple[str, str]]] = {
    "FIRST_SEEN": (
        "第一次见到这本账，已记下它的公钥和检查点并签名。",
        "First visit: its key and checkpoint are remembered and co-signed.",
    ),
    "GREW": (
        "与上次相比只有增加，没有改动；已签名。",
        "It has only grown since last time; co-signed.",
    ),
    "UNCHANGED": ("与上次完全相同；已签名。", "The same as last time; co-signed."),
    "FORKED": (
        "警告：账本的历史被改写（与上次见到的不一致）。没有签名，证据已保存。",
        "WARNING: the history was rewritten (it contradicts what was seen before). Not signed; "
        "the evidence is kept.",
    ),
    "WENT_BACK": (
        "警告：账本比上次见到的少，有记录被收回。没有签名，证据已保存。",
        "WARNING: the ledger is shorter than last time; records were taken back. Not signed; "
        "the evidence is kept.",
    ),
    "NOT_SIGNED": (
        "警告：检查点没有账本自己的有效签名，或公钥与上次不同。没有签名，证据已保存。",
        "WARNING: the checkpoint is not signed by the log's key as known. Not signed; "
        "the evidence is kept.",
    ),
}


class StateUnreadable(LedgerError):
    """The witness's own memory is damaged: without it nothing can be compared."""

    code = "STATE_UNREADABLE"
    status = 422


@dataclass(frozen=True, slots=True)
class WitnessResult:
    """`current` is what the ledger showed, `previous` what was seen before ("" at first).

    `cosigned` is the checkpoint with the witness's line, "" where it did not sign.
    """

    outcome: Outcome
    size: int
    current: str
    previous: str
    cosigned: str
    evidence: Path | None

    @property
    def ok(self) -> bool:
        return self.outcome in _GOOD

    def in_words(self) -> str:
        """For a terminal; with both checkpoints where something is wrong."""
        zh, en = _WORDS[self.outcome]
        lines = [f"{zh}（{self.size:,} 条）", f"{en} ({self.size:,} entries)"]
        if self.ok:
            return "\n".join([*lines, "", self.cosigned])
        lines += ["", "上次 / before:", self.previous, "这次 / now:", self.current]
        return "\n".join([*lines, f"证据 / evidence: {self.evidence}"])


@dataclass(frozen=True, slots=True)
class _Memory:
    log_key: str
    note: str


def check(
    source: Path | str,
    *,
    state: Path,
    key_file: Path,
    public_key: str | None = None,
    name: str | None = None,
) -> WitnessResult:
    """Visit a ledger once: compare with `state`, co-sign, remember.

    state       JSON file of this witness; made at the first visit
    key_file    the witness's Ed25519 key; made if missing
    public_key  the log's verifier key line; without it the one published at the first visit
    name        the witness's name in its signature line; default: the state file's name

    Raises SourceUnreadable where the ledger cannot be read (which proves nothing against it),
    StateUnreadable where the witness's memory is damaged.
    """
    memory = _remembered(state)
    with open_source(source) as opened:
        return _visit(opened, memory, state, key_file, public_key, name)


def _visit(
    tiles_of: Source,
    memory: _Memory | None,
    state: Path,
    key_file: Path,
    public_key: str | None,
    name: str | None,
) -> WitnessResult:
    raw = tiles_of.read(CHECKPOINT_FILE)
    if raw is None:
        raise SourceUnreadable(
            "没有找到检查点（checkpoint）。", "There is no checkpoint at this address."
        )
    current = raw.decode(errors="replace")
    previous = memory.note if memory else ""
    note = notes.parse_note(current)
    body = notes.parse_checkpoint(note.text)
    log_key = _log_key(tiles_of, body.origin, public_key or (memory.log_key if memory else None))
    outcome: Outcome
    if log_key is None or not note.signed_by(log_key):
        outcome = "NOT_SIGNED"
    else:
        outcome = _compare(tiles_of, body, previous)
    if log_key is None or outcome not in _GOOD:
        evidence = _keep_evidence(state, previous, current, outcome)
        return WitnessResult(outcome, body.size, current, previous, "", evidence)
    cosigned = str(_cosigned(note, key_file, name or f"witness/{state.stem}"))
    # Remembered before it is handed out: a witness that forgets what it signed signs forks.
    _remember(state, _Memory(log_key.line, cosigned))
    return WitnessResult(outcome, body.size, current, previous, cosigned, None)


def _compare(source: Source, body: notes.CheckpointBody, previous: str) -> Outcome:
    if not previous:
        return "FIRST_SEEN" if _tree_fits(source, body, None) else "FORKED"
    before = notes.parse_checkpoint(notes.parse_note(previous).text)
    if before.origin != body.origin:
        return "FORKED"
    if body.size < before.size:
        return "WENT_BACK"
    if body.size == before.size:
        return "UNCHANGED" if body.root == before.root else "FORKED"
    return "GREW" if _tree_fits(source, body, before) else "FORKED"


def _tree_fits(
    source: Source, body: notes.CheckpointBody, before: notes.CheckpointBody | None
) -> bool:
    """Whether the tiles lead to the signed root, and on from the root seen before."""
    old = before.size if before else 0
    wanted = Wanted()
    merkle.tree_root(body.size, wanted)
    merkle.consistency_proof(old, body.size, wanted)
    node = tree_reader(source, body.size, wanted)
    try:
        if merkle.tree_root(body.size, node) != body.root:
            return False
        proof = merkle.consistency_proof(old, body.size, node)
    except (KeyError, MalformedTile) as error:
        raise SourceUnreadable(
            f"账本的分片不全，无法比较：{error}。", f"Tiles are missing, cannot compare: {error}."
        ) from error
    if before is None:
        return True
    return merkle.consistency_holds(before.size, before.root, body.size, body.root, proof)


def _log_key(source: Source, origin: str, line: str | None) -> notes.NoteKey | None:
    """The key to hold the log to: the one given or remembered, else the one it publishes."""
    if line is not None:
        return notes.parse_key(line)
    for published in (source.read(KEYS_FILE) or b"").decode(errors="replace").splitlines():
        try:
            key = notes.parse_key(published)
        except MalformedNote:
            continue
        if key.name == origin and key.kind == "ED25519":
            return key
    return None


def _cosigned(note: notes.Note, path: Path, name: str) -> notes.Note:
    signer = key_file(path, "ED25519")
    key = notes.NoteKey(name.replace(" ", "-"), "COSIGNATURE", signer.public_key)
    return note.with_signature(notes.cosign(note, key, signer, int(time.time())))


def public_line(key: Path, name: str) -> str:
    """The witness's verifier key line, to be given to whoever relies on it."""
    return notes.NoteKey(name, "COSIGNATURE", key_file(key, "ED25519").public_key).line


def _remembered(state: Path) -> _Memory | None:
    if not state.exists():
        return None
    try:
        return _Memory(**json.loads(state.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise StateUnreadable(
            f"见证人的记录 {state} 已损坏，请从备份恢复；不要删除它重来。",
            f"The witness's memory {state} is damaged; restore it, do not start afresh.",
        ) from error


def _remember(state: Path, memory: _Memory) -> None:
    state.parent.mkdir(parents=True, exist_ok=True)
    draft = state.with_name(f".{state.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        json.dump({"log_key": memory.log_key, "note": memory.note}, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(state)


def _keep_evidence(state: Path, previous: str, current: str, outcome: Outcome) -> Path:
    """Both checkpoints in a file beside the state; older evidence is never overwritten."""
    state.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := state.with_name(f"{state.stem}.evidence-{number}.txt")).exists():
        number += 1
    path.write_text(
        f"{outcome}\n\n--- before ---\n{previous}\n--- now ---\n{current}", encoding="utf-8"
    )
    return path
