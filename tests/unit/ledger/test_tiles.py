import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.ledger.rules import entries, tiles
from huying.ledger.rules.errors import MalformedTile


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (tiles.TileAddress(0, 0), "tile/0/000"),
        (tiles.TileAddress(0, 1234067), "tile/0/x001/x234/067"),
        (tiles.TileAddress(1, 273, 17), "tile/1/273.p/17"),
        (tiles.TileAddress(tiles.ENTRIES, 1000, 1), "tile/entries/x001/000.p/1"),
        (tiles.TileAddress(63, 999), "tile/63/999"),
    ],
)
def test_paths_of_the_standard(address: tiles.TileAddress, path: str) -> None:
    assert address.path == path
    assert tiles.parse_path(path) == address


@given(level=st.integers(-1, 63), number=st.integers(0, 10**12), width=st.integers(1, 256))
def test_a_path_names_one_tile(level: int, number: int, width: int) -> None:
    address = tiles.TileAddress(level, number, width)
    assert tiles.parse_path(address.path) == address


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/../../etc/passwd",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        "checkpoint",
        "",
    ],
)
def test_other_spellings_are_refused(path: str) -> None:
    with pytest.raises(MalformedTile):
        tiles.parse_path(path)


def test_the_tiles_of_seventy_thousand_entries() -> None:
    # The example of C2SP tlog-tiles, "Partial Tiles".
    assert tiles.levels(70_000) == 3
    widths = [[one.width for one in tiles.addresses(level, 70_000)] for level in range(3)]
    assert (len(widths[0]), widths[0][-1]) == (274, 112)
    assert widths[1] == [256, 17]
    assert widths[2] == [1]
    assert tiles.levels(256) == 2
    assert [one.path for one in tiles.addresses(1, 256)] == ["tile/1/000.p/1"]


@given(st.lists(st.binary(max_size=400), max_size=256))
def test_bundles_come_back(found: list[bytes]) -> None:
    packed = entries.pack_bundle(found)
    assert entries.unpack_bundle(packed) == found


def test_a_bundle_has_big_endian_lengths() -> None:
    assert entries.pack_bundle([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    assert entries.pack_bundle([bytes(65_535)])[:2] == b"\xff\xff"


@pytest.mark.parametrize("broken", [b"\x00", b"\x00\x02a", b"\x00\x01a\x00"])
def test_a_broken_bundle_is_refused(broken: bytes) -> None:
    with pytest.raises(MalformedTile, match="残缺"):
        entries.unpack_bundle(broken)
