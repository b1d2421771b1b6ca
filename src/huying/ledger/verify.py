"""Derives the whole ledger again from its tiles alone and says what does not fit.

Three things must agree: the entries, the tiles over them, and the signed checkpoint. Where they
do not, the root tells who is wrong: entries that lead to the signed root are right, and the tile
is at fault; otherwise the first entry that differs from its tile is named.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from django.db import connection

from huying.ledger.rules import merkle, notes, tiles
from huying.ledger.rules.errors import LedgerError, MalformedTile
from huying.ledger.sources import (
    CHECKPOINT_FILE,
    KEYS_FILE,
    DatabaseSource,
    Source,
    SourceUnreadable,
    export_tiles,
    open_source,
)

__all__ = ["Problem", "VerifyReport", "export_tiles", "verify", "verify_database"]

ProblemKind = Literal[
    "ENTRY_CHANGED",
    "ENTRY_MISSING",
    "ENTRIES_SWAPPED",
    "ENTRIES_REWRITTEN",
    "BUNDLE_UNREADABLE",
    "TILE_CHANGED",
    "TILE_MISSING",
    "CHECKPOINT_UNSIGNED",
    "CHECKPOINT_ROOT",
    "COLUMN_CHANGED",
    "RECORD_UNPLACED",
    "HEAD_CHANGED",
]
Progress = Callable[[int, int], None]
"""Called with (entries checked, entries in all)."""

_MOST_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not fit; `index` is the first entry it touches, None for the whole."""

    kind: ProblemKind
    index: int | None
    where: str
    zh: str
    en: str


@dataclass(slots=True)
class VerifyReport:
    """What was checked and what did not fit, the first entry first."""

    origin: str = ""
    size: int = 0
    root: bytes = b""
    signatures: list[str] = field(default_factory=list)
    key_given: bool = False
    checked: int = 0
    seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def first_index(self) -> int | None:
        """The first entry that does not match; None where no single entry is at fault."""
        return min((one.index for one in self.problems if one.index is not None), default=None)

    def in_words(self) -> str:
        """The report for a terminal, Chinese first."""
        lines = [
            f"账本 {self.origin}：{self.size:,} 条，已核对 {self.checked:,} 条，"
            f"用时 {self.seconds:.1f} 秒。",
            f"Ledger {self.origin}: {self.size:,} entries, {self.checked:,} checked "
            f"in {self.seconds:.1f} s.",
        ]
        lines += [f"签名有效 / signed by: {one}" for one in self.signatures]
        if not self.key_given:
            lines.append(
                "注意：公钥取自账本自身。请用另行得到的公钥再核一次。 / "
                "The key came from the ledger itself; check again with one got some other way."
            )
        if self.ok:
            lines.append("全部一致，没有被改动。 / Everything matches; nothing was altered.")
        for problem in self.problems:
            lines += [f"✗ {problem.zh}", f"  {problem.en}"]
        return "\n".join(lines)


def verify(
    source: Path | str,
    *,
    public_key: str | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Check a folder of tiles or the address of a ledger.

    `public_key` is the verifier key line of the log, got some other way than from the log;
    without it the log's own is used, which shows damage but not a forger with a key of his own.
    Raises SourceUnreadable where there is nothing to check, MalformedNote for a bad key line.
    """
    with open_source(source) as opened:
        return _verify(opened, public_key, progress)


def verify_database(
    *, public_key: str | None = None, progress: Progress | None = None
) -> VerifyReport:
    """Check this county's tables: all that `verify` does, and that columns match the entries."""
    source = DatabaseSource()
    report = _verify(source, public_key, progress)
    for index, column in source.differing[:_MOST_PROBLEMS]:
        report.problems.append(
            Problem(
                "COLUMN_CHANGED",
                index,
                f"ledger_record.{column}",
                f"第 {index} 条：数据库字段 {column} 与存证内容不一致。",
                f"Entry {index}: the column {column} differs from what was sealed.",
            )
        )
    unplaced = _unplaced_records()
    if unplaced:
        report.problems.append(
            Problem(
                "RECORD_UNPLACED",
                None,
                "ledger_position",
                f"有 {unplaced} 条早该封存的记录不在账本里。",
                f"{unplaced} records that should be sealed have no position.",
            )
        )
    if not _head_fits(report):
        report.problems.append(
            Problem(
                "HEAD_CHANGED",
                None,
                "ledger_head",
                "账本末端的记录与检查点不符，封存会接不上。",
                "The end of the tree is not what the checkpoint signs; sealing could not go on.",
            )
        )
    report.problems.sort(key=_order)
    return report


def _head_fits(report: VerifyReport) -> bool:
    """Whether the sequencer goes on from what was signed; it may have gone on meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT size, frontier, note FROM ledger_head WHERE id = 1")
        size, frontier, note = cursor.fetchone()
    signed = notes.parse_checkpoint(notes.parse_note(note).text)
    hashes = [bytes(frontier)[at : at + 32] for at in range(0, len(frontier), 32)]
    return signed.size != report.size or (
        size == signed.size
        and len(hashes) == size.bit_count()
        and merkle.root_of(hashes) == signed.root
    )


def _unplaced_records() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM ledger_record, ledger_head AS head WHERE head.id = 1"
            " AND ((tx, ledger_record.id) <= (watermark_tx, watermark_id)"
            "      OR ledger_record.id <= floor_id)"
            " AND NOT EXISTS (SELECT FROM ledger_position WHERE record_id = ledger_record.id)"
        )
        return int(cursor.fetchone()[0])


def _order(problem: Problem) -> int:
    return -1 if problem.index is None else problem.index


def _verify(source: Source, public_key: str | None, progress: Progress | None) -> VerifyReport:
    started = time.perf_counter()
    report = VerifyReport(key_given=public_key is not None)
    raw = source.read(CHECKPOINT_FILE)
    if raw is None:
        raise SourceUnreadable(
            "没有找到检查点（checkpoint），这里还没有可核对的账本。",
            "No checkpoint here: there is no ledger to check yet.",
        )
    note = notes.parse_note(raw.decode(errors="replace"))
    body = notes.parse_checkpoint(note.text)
    report.origin, report.size, report.root = body.origin, body.size, body.root
    _check_signatures(source, note, public_key, report)
    _Walk(source, body, report, progress).go()
    report.problems.sort(key=_order)
    report.seconds = time.perf_counter() - started
    return report


def _check_signatures(
    source: Source, note: notes.Note, public_key: str | None, report: VerifyReport
) -> None:
    published = (source.read(KEYS_FILE) or b"").decode(errors="replace").splitlines()
    lines = [public_key] if public_key else published
    keys: list[notes.NoteKey] = []
    for line in lines:
        try:
            keys.append(notes.parse_key(line))
        except LedgerError:
            if public_key:
                raise
    for key in keys:
        if note.signed_by(key):
            report.signatures.append(f"{key.name} ({key.kind})")
        elif public_key or key.name == report.origin or note.by(key):
            report.problems.append(
                Problem(
                    "CHECKPOINT_UNSIGNED",
                    None,
                    CHECKPOINT_FILE,
                    f"检查点没有 {key.name} 的有效签名：检查点被改动，或公钥不对。",
                    f"The checkpoint is not signed by {key.name}: altered, or another key.",
                )
            )
    if not keys:
        report.problems.append(
            Problem(
                "CHECKPOINT_UNSIGNED",
                None,
                CHECKPOINT_FILE,
                "没有公钥，无法核对检查点的签名；请给出账本的公钥。",
                "No public key, so the checkpoint's signature cannot be checked; give the key.",
            )
        )


@dataclass(slots=True)
class _Suspect:
    """A bundle whose entries do not hash to its tile."""

    number: int
    from_entries: list[bytes]
    from_tile: list[bytes]


class _Walk:
    """Goes over all bundles once, growing the tree from the entries themselves."""

    def __init__(
        self,
        source: Source,
        body: notes.CheckpointBody,
        report: VerifyReport,
        progress: Progress | None,
    ) -> None:
        self._source = source
        self._body = body
        self._report = report
        self._progress = progress
        self._suspects: list[_Suspect] = []
        self._upper: dict[tuple[int, int], list[bytes]] = {}
        self._bad_tiles: list[tuple[int, int]] = []

    def go(self) -> None:
        size = 0
        frontier: tuple[bytes, ...] = ()
        for address in tiles.addresses(tiles.ENTRIES, self._body.size):
            leaves = self._leaves(address)
            grown = merkle.grow(size, frontier, leaves)
            for level, added in grown.appended.items():
                if level:
                    self._check_upper(level, size >> 8 * level, added)
            size, frontier = grown.size, grown.frontier
            if self._progress is not None:
                self._progress(size, self._body.size)
            if len(self._report.problems) + len(self._suspects) >= _MOST_PROBLEMS:
                break
        self._report.checked = size
        finished = size == self._body.size
        self._close_upper(size)
        self._judge(finished and merkle.root_of(frontier) == self._body.root, finished)

    def _add(self, kind: ProblemKind, index: int | None, where: str, zh: str, en: str) -> None:
        self._report.problems.append(Problem(kind, index, where, zh, en))

    def _leaves(self, address: tiles.TileAddress) -> list[bytes]:
        """The leaf hashes of one bundle from its entries; from the tile where they are gone."""
        first = address.number * tiles.WIDTH
        stored = self._tile(tiles.TileAddress(0, address.number, address.width))
        try:
            entries = self._source.bundle(address)
        except MalformedTile as error:
            self._add("BUNDLE_UNREADABLE", first, address.path, error.zh, error.en)
            return stored or [bytes(32)] * address.width
        entries = list(entries or ())[: address.width]
        entries += [None] * (address.width - len(entries))
        if None in entries:
            index = first + entries.index(None)
            self._add(
                "ENTRY_MISSING",
                index,
                address.path,
                f"第 {index} 条缺失：检查点声明有 {self._body.size} 条。",
                f"Entry {index} is missing; the checkpoint counts {self._body.size}.",
            )
        leaves = [b"" if one is None else sha256(b"\x00" + one).digest() for one in entries]
        if not stored:
            return [one or bytes(32) for one in leaves]
        filled = [one or stored[place] for place, one in enumerate(leaves)]
        if filled != stored:
            self._suspects.append(_Suspect(address.number, filled, stored))
        return filled

    def _tile(self, address: tiles.TileAddress) -> list[bytes]:
        data = self._source.read(address.path)
        if data is None and address.width < tiles.WIDTH:
            full = self._source.read(tiles.TileAddress(address.level, address.number).path)
            data = None if full is None else full[: address.width * 32]
        if data is None or len(data) != address.width * 32:
            index = address.number * tiles.WIDTH << 8 * address.level
            self._add(
                "TILE_MISSING",
                index,
                address.path,
                f"分片 {address.path} 缺失或残缺（从第 {index} 条起）。",
                f"The tile {address.path} is missing or cut short (from entry {index} on).",
            )
            return []
        return tiles.split_hashes(data)

    def _check_upper(self, level: int, place: int, added: Sequence[bytes]) -> None:
        """Gather hashes of a higher level; compare each tile when it is complete."""
        for offset, one in enumerate(added):
            number = (place + offset) // tiles.WIDTH
            gathered = self._upper.setdefault((level, number), [])
            gathered.append(one)
            if len(gathered) == tiles.WIDTH:
                self._compare_upper(level, number, self._upper.pop((level, number)))

    def _close_upper(self, size: int) -> None:
        if size == self._body.size:
            for (level, number), gathered in sorted(self._upper.items()):
                self._compare_upper(level, number, gathered)

    def _compare_upper(self, level: int, number: int, gathered: list[bytes]) -> None:
        stored = self._tile(tiles.TileAddress(level, number, len(gathered)))
        if not stored:
            return
        for place, (ours, theirs) in enumerate(zip(gathered, stored, strict=True)):
            if ours != theirs:
                self._bad_tiles.append((level, number * tiles.WIDTH + place))
                return

    def _judge(self, root_fits: bool, finished: bool) -> None:
        """Say who is wrong: tiles where the entries lead to the signed root, else entries."""
        if root_fits:
            for suspect in self._suspects:
                place = _first_difference(suspect)
                self._tile_changed(0, suspect.number * tiles.WIDTH + place)
            for level, place in self._bad_tiles:
                self._tile_changed(level, place)
            return
        for suspect in self._suspects:
            if self._parent(suspect.number) == _folded(suspect.from_entries):
                place = _first_difference(suspect)
                self._tile_changed(0, suspect.number * tiles.WIDTH + place)
            else:
                self._entry_changed(suspect)
        if self._suspects or not finished:
            return
        lowest = min((one for one in self._bad_tiles if one[0] == 1), default=None)
        if lowest is not None:
            first = lowest[1] * tiles.WIDTH
            self._add(
                "ENTRIES_REWRITTEN",
                first,
                tiles.TileAddress(tiles.ENTRIES, lowest[1]).path,
                f"第 {first} 至 {first + tiles.WIDTH - 1} 条连同其分片被一并改写。",
                f"Entries {first} to {first + tiles.WIDTH - 1} were rewritten with their tile.",
            )
        elif self._report.ok:
            self._add(
                "CHECKPOINT_ROOT",
                None,
                CHECKPOINT_FILE,
                "检查点的根哈希与全部条目不符：末尾的条目被改写，或检查点属于另一本账。",
                "The checkpoint's root does not fit the entries: the last ones were rewritten, "
                "or it belongs to another log.",
            )

    def _parent(self, number: int) -> bytes | None:
        """The hash that stands over a full bundle one level up; None over the last, partial one."""
        if (number + 1) * tiles.WIDTH > self._body.size:
            return None
        address = tiles.holding(1, number // tiles.WIDTH, self._body.size)
        place = number % tiles.WIDTH * 32
        return (self._source.read(address.path) or b"")[place : place + 32] or None

    def _tile_changed(self, level: int, place: int) -> None:
        index = place << 8 * level
        path = tiles.holding(level, place // tiles.WIDTH, self._body.size).path
        self._add(
            "TILE_CHANGED",
            index,
            path,
            f"分片 {path} 被改动（第 {index} 条起的哈希不对）；条目本身无误。",
            f"The tile {path} was altered (its hash from entry {index} on); entries are right.",
        )

    def _entry_changed(self, suspect: _Suspect) -> None:
        place = _first_difference(suspect)
        index = suspect.number * tiles.WIDTH + place
        path = tiles.holding(0, suspect.number, self._body.size).path.replace(
            "tile/0/", "tile/entries/"
        )
        expected, found = suspect.from_tile, suspect.from_entries
        other = expected.index(found[place]) if found[place] in expected else None
        if other is not None and found[other] == expected[place]:
            second = suspect.number * tiles.WIDTH + other
            self._add(
                "ENTRIES_SWAPPED",
                index,
                path,
                f"第 {index} 条与第 {second} 条被调换了位置。",
                f"Entries {index} and {second} have changed places.",
            )
            return
        self._add(
            "ENTRY_CHANGED",
            index,
            path,
            f"第 {index} 条与封存时不一致。",
            f"Entry {index} is not what was sealed.",
        )


def _folded(hashes: list[bytes]) -> bytes:
    return merkle.fold(hashes) if len(hashes) == tiles.WIDTH else b""


def _first_difference(suspect: _Suspect) -> int:
    pairs = zip(suspect.from_entries, suspect.from_tile, strict=True)
    return next(place for place, (ours, theirs) in enumerate(pairs) if ours != theirs)
