"""Which tile holds what, and under which path: C2SP tlog-tiles. Arithmetic only, no storage.

A tile of level L and number N holds the hashes of up to 256 complete subtrees of height 8·L,
the first of them over the entries from N·256·256^L. Entry bundles lie beside level 0.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from huying.ledger.rules.errors import MalformedTile
from huying.ledger.rules.merkle import HASH_SIZE, TILE_HEIGHT, NodeReader, fold

WIDTH: Final = 256
ENTRIES: Final = -1
"""The level of an entry bundle in a `TileAddress`."""

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/"
    r"(?P<number>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TileAddress:
    """One tile (or, at level ENTRIES, one bundle); `width` below 256 for a partial one."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Relative to the ledger's prefix, e.g. tile/0/x001/234.p/7."""
        groups = [f"{self.number % 1000:03d}"]
        rest = self.number // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def parse_path(path: str) -> TileAddress:
    """The address a path names; MalformedTile where it is not in its one canonical form."""
    found = _PATH.fullmatch(path)
    if found:
        level = ENTRIES if found["level"] == "entries" else int(found["level"])
        number = int(found["number"].replace("x", "").replace("/", ""))
        width = int(found["width"] or WIDTH)
        address = TileAddress(level, number, width)
        if level < 64 and address.path == path:
            return address
    raise MalformedTile(f"不是有效的账本分片路径：{path}。", f"Not the path of a tile: {path}.")


def addresses(level: int, size: int) -> Iterator[TileAddress]:
    """All tiles of one level in a tree of `size`, the partial one last."""
    hashes = size if level == ENTRIES else size >> TILE_HEIGHT * level
    for number in range(hashes // WIDTH):
        yield TileAddress(level, number)
    if hashes % WIDTH:
        yield TileAddress(level, hashes // WIDTH, hashes % WIDTH)


def levels(size: int) -> int:
    """How many levels of tiles a tree of `size` has."""
    return (size.bit_length() + TILE_HEIGHT - 1) // TILE_HEIGHT


def holding(level: int, number: int, size: int) -> TileAddress:
    """The tile `number` of `level` as wide as it is in a tree of `size`."""
    hashes = size >> TILE_HEIGHT * level
    return TileAddress(level, number, min(WIDTH, hashes - number * WIDTH))


def reader(hashes: Mapping[tuple[int, int], bytes]) -> NodeReader:
    """Reads complete subtrees out of tiles given as (level, number) -> hashes.

    Raises KeyError for a tile that was not given, MalformedTile for one that is too short.
    """

    def node(level: int, index: int) -> bytes:
        within = level % TILE_HEIGHT
        key = (level // TILE_HEIGHT, index << within >> TILE_HEIGHT)
        tile = hashes[key]
        first = (index << within) % WIDTH * HASH_SIZE
        part = tile[first : first + (HASH_SIZE << within)]
        if len(part) != HASH_SIZE << within:
            raise MalformedTile(
                f"账本分片 {key} 残缺。", f"Tile {key} is shorter than the tree needs."
            )
        return fold(split_hashes(part))

    return node


class Wanted:
    """A NodeReader that only notes which tiles a proof will need: `tiles` afterwards."""

    def __init__(self) -> None:
        self.tiles: set[tuple[int, int]] = set()

    def __call__(self, level: int, index: int) -> bytes:
        self.tiles.add((level // TILE_HEIGHT, index << level % TILE_HEIGHT >> TILE_HEIGHT))
        return bytes(HASH_SIZE)


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
