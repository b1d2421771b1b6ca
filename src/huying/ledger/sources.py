"""Where tiles can be read from: a folder, an address, this county's database."""

import http.client
import ssl
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import orjson

from huying.ledger import queries
from huying.ledger.rules.entries import unpack_bundle
from huying.ledger.rules.errors import LedgerError
from huying.ledger.rules.merkle import HASH_SIZE, NodeReader
from huying.ledger.rules.tiles import (
    ENTRIES,
    WIDTH,
    TileAddress,
    Wanted,
    addresses,
    holding,
    levels,
    parse_path,
    reader,
)

LARGEST_ANSWER: Final = 32 * 2**20
"""Bytes: a full bundle of the largest entries has 16 MB."""
MOST_WAITS: Final = 5
LONGEST_WAIT: Final = 120
"""Seconds, however long the log asks a reader to stay away."""
KEYS_FILE: Final = "keys"
CHECKPOINT_FILE: Final = "checkpoint"


class SourceUnreadable(LedgerError):
    """The ledger's files cannot be read at all: no such folder, no answer, no checkpoint."""

    code = "SOURCE_UNREADABLE"
    status = 422


class Source(Protocol):
    """`read` returns the bytes under a tlog-tiles path, None where there are none.

    `bundle` returns the entries of one bundle, None for each entry that is gone and None
    instead of the list where there is no bundle; MalformedTile where it cannot be read.
    """

    def read(self, path: str) -> bytes | None: ...

    def bundle(self, address: TileAddress) -> Sequence[bytes | None] | None: ...

    def close(self) -> None: ...


class _Files:
    def read(self, path: str) -> bytes | None:
        raise NotImplementedError  # a folder and an address each read in their own way

    def bundle(self, address: TileAddress) -> Sequence[bytes | None] | None:
        data = self.read(address.path)
        return None if data is None else unpack_bundle(data)

    def close(self) -> None:
        """Nothing stays open between two files."""


class FolderSource(_Files):
    """Tiles as files, as `export_tiles` writes them or any static copy of /ledger/ holds them."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SourceUnreadable(f"没有这个文件夹：{folder}。", f"No such folder: {folder}.")
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        file = self._folder / path
        return file.read_bytes() if file.is_file() else None


class UrlSource(_Files):
    """Tiles over HTTP(S), one connection kept open; an address without path is given /ledger."""

    def __init__(self, url: str, *, timeout: float = 20.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SourceUnreadable(f"不是有效的网址：{url}。", f"Not an address: {url}.")
        self._url = url
        self._prefix = parts.path.rstrip("/") or "/ledger"
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(
                parts.hostname, parts.port, timeout=timeout
            )

    def read(self, path: str) -> bytes | None:
        try:
            return self._get(path)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A server may close an idle connection at any time: once more, on a fresh one.
            self._connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        try:
            return self._get(path)
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error

    def _get(self, path: str) -> bytes | None:
        for _try in range(MOST_WAITS):
            self._connection.request("GET", f"{self._prefix}/{path}", headers={"Accept": "*/*"})
            answer = self._connection.getresponse()
            data = answer.read(LARGEST_ANSWER + 1)
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                break
            # The log asks not to be read faster: a long one takes several of its minutes.
            delay = answer.headers.get("Retry-After", "")
            time.sleep(min(int(delay), LONGEST_WAIT) if delay.isdecimal() else 1)
        if answer.status == 404:
            return None
        if answer.status != 200 or len(data) > LARGEST_ANSWER:
            raise SourceUnreadable(
                f"{self._url} 对 {path} 的应答无法使用（HTTP {answer.status}，{len(data)} 字节）。",
                f"{self._url} answered {path} with HTTP {answer.status}, {len(data)} bytes.",
            )
        return data

    def close(self) -> None:
        self._connection.close()

    def _silent(self, error: Exception) -> SourceUnreadable:
        return SourceUnreadable(
            f"连不上 {self._url}：{error}。请检查网络后重试。",
            f"No answer from {self._url}: {error}. Check the network and try again.",
        )


class DatabaseSource:
    """This county's own tables, read 32 bundles or tiles at a time.

    `differing` gathers what only the database can show: positions whose readable columns say
    something else than the sealed entry.
    """

    _AHEAD = 32

    def __init__(self) -> None:
        latest = queries.latest_checkpoint()
        self._note = None if latest is None else latest.note
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._first = 0
        self.differing: list[tuple[int, str]] = []

    def read(self, path: str) -> bytes | None:
        if path == CHECKPOINT_FILE:
            return None if self._note is None else self._note.encode()
        if path == KEYS_FILE:
            return "".join(f"{line}\n" for line in queries.key_lines()).encode()
        address = parse_path(path)
        if address.level == ENTRIES:
            return queries.tile(address)
        key = (address.level, address.number)
        if key not in self._tiles:
            ahead = range(address.number, address.number + self._AHEAD)
            self._tiles = queries.tile_hashes((address.level, number) for number in ahead)
        hashes = self._tiles.get(key)
        return None if hashes is None else hashes[: address.width * HASH_SIZE]

    def bundle(self, address: TileAddress) -> list[bytes | None] | None:
        first = address.number * WIDTH
        if not self._first <= first < self._first + self._AHEAD * WIDTH or not self._rows:
            self._first = first
            self._rows = queries.placed_records(first, self._AHEAD * WIDTH)
        found: list[bytes | None] = [None] * address.width
        start = bisect_left(self._rows, (first,))
        for position, entry, *columns in self._rows[start : start + WIDTH]:
            if position >= first + address.width:
                break
            found[position - first] = entry
            if entry is not None:
                self._compare(position, entry, columns)
        return found

    def close(self) -> None:
        """The connection is Django's."""

    def _compare(self, position: int, entry: bytes, columns: list[Any]) -> None:
        try:
            sealed = orjson.loads(entry)
            at = datetime.fromisoformat(sealed["at"])
            said = [sealed["kind"], sealed["subject"], sealed["actor"], at]
        except (ValueError, KeyError, TypeError):
            return  # not what `record` writes; its hash will say so
        for name, here, there in zip(_COLUMNS, columns, said, strict=True):
            if here != there:
                self.differing.append((position, name))


_COLUMNS = ("kind", "subject", "actor", "at")


@contextmanager
def open_source(source: Path | str) -> Iterator[Source]:
    """A folder, or an address that begins with http:// or https://."""
    text = str(source)
    opened: Source
    if text.startswith(("http://", "https://")):
        opened = UrlSource(text)
    else:
        opened = FolderSource(Path(source))
    try:
        yield opened
    finally:
        opened.close()


def tree_reader(source: Source, size: int, wanted: Wanted) -> NodeReader:
    """Reads the nodes that `wanted` noted out of the source's tiles for a tree of `size`.

    Raises KeyError where a tile is missing, MalformedTile where it is too short.
    """
    found: dict[tuple[int, int], bytes] = {}
    for level, number in sorted(wanted.tiles):
        address = holding(level, number, size)
        data = source.read(address.path)
        if data is None and address.width < WIDTH:
            # A log may drop a partial tile once the full one is there.
            data = source.read(TileAddress(level, number).path)
        if data is not None:
            found[level, number] = data
    return reader(found)


def export_tiles(folder: Path) -> int:
    """Write the whole ledger as static files, the checkpoint last; returns its size.

    What lies there can be served by any web server, and verified by anybody.
    """
    database = DatabaseSource()
    latest = queries.latest_checkpoint()
    if latest is None:
        raise SourceUnreadable("账本还没有封存任何记录。", "Nothing has been sealed yet.")
    for level in (ENTRIES, *range(levels(latest.size))):
        for address in addresses(level, latest.size):
            data = database.read(address.path)
            if data is None:
                raise SourceUnreadable(
                    f"账本缺少 {address.path}；请先运行 huying verify。",
                    f"The ledger lacks {address.path}; run huying verify first.",
                )
            file = folder / address.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / KEYS_FILE).write_bytes(database.read(KEYS_FILE) or b"")
    (folder / CHECKPOINT_FILE).write_text(latest.note, encoding="utf-8")
    return latest.size
