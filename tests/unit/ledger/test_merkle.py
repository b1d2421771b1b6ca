"""The tree against RFC 6962's own vectors, a naive recursion, and pymerkle."""

from hashlib import sha256

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.ledger.rules import merkle, tiles

# The seven inputs and roots of the reference implementation of Certificate Transparency.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(entries: list[bytes]) -> bytes:
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    half = 1
    while half * 2 < len(entries):
        half *= 2
    return sha256(b"\x01" + naive_root(entries[:half]) + naive_root(entries[half:])).digest()


def tree_in_tiles(entries: list[bytes], *batches: int) -> tuple[merkle.Growth, merkle.NodeReader]:
    """(Growth, node reader) of a tree grown in batches of the given sizes."""
    size = 0
    frontier: tuple[bytes, ...] = ()
    stored: dict[tuple[int, int], bytes] = {}
    leaves = merkle.leaf_hashes(entries)
    start = 0
    for batch in [*batches, len(leaves)]:
        grown = merkle.grow(size, frontier, leaves[start : start + batch])
        for level, added in grown.appended.items():
            place = size >> 8 * level
            for offset, one in enumerate(added):
                key = (level, (place + offset) // 256)
                stored[key] = stored.get(key, b"") + one
        start += batch
        size, frontier = grown.size, grown.frontier
    return grown, tiles.reader(stored)


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_of_the_reference_implementation(size: int) -> None:
    grown = merkle.grow(0, (), merkle.leaf_hashes(INPUTS[:size]))
    assert grown.root.hex() == ROOTS[size - 1]


def test_the_empty_tree() -> None:
    assert merkle.grow(0, (), []).root == sha256(b"").digest() == merkle.EMPTY_ROOT


def test_inclusion_paths_of_the_reference_implementation() -> None:
    grown, node = tree_in_tiles(INPUTS)
    assert [one.hex() for one in merkle.inclusion_proof(0, 8, node)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert grown.size == 8


def test_consistency_path_of_the_reference_implementation() -> None:
    _, node = tree_in_tiles(INPUTS)
    assert [one.hex() for one in merkle.consistency_proof(6, 8, node)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(
    count=st.integers(0, 700),
    first=st.integers(0, 700),
    second=st.integers(0, 700),
)
def test_growth_does_not_depend_on_batches(count: int, first: int, second: int) -> None:
    entries = [b"%d" % i for i in range(count)]
    grown, _ = tree_in_tiles(entries, first, second)
    assert grown.size == count
    assert grown.root == naive_root(entries)


@given(size=st.integers(1, 600), data=st.data())
def test_every_inclusion_proof_holds_and_no_other_does(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    entries = [b"%d" % i for i in range(size)]
    grown, node = tree_in_tiles(entries)
    proof = merkle.inclusion_proof(index, size, node)
    leaf = merkle.leaf_hash(entries[index])
    assert merkle.inclusion_holds(leaf, index, size, proof, grown.root)
    assert not merkle.inclusion_holds(merkle.leaf_hash(b"other"), index, size, proof, grown.root)
    assert not merkle.inclusion_holds(leaf, index, size, [*proof, leaf], grown.root)
    assert not merkle.inclusion_holds(leaf, (index + 1), size, proof, grown.root) or size == 1
    if proof:
        assert not merkle.inclusion_holds(leaf, index, size, proof[:-1], grown.root)
        assert not merkle.inclusion_holds(leaf, index, size, proof[::-1], grown.root) or (
            proof == proof[::-1]
        )


@given(new=st.integers(0, 600), data=st.data())
def test_every_consistency_proof_holds_and_no_other_does(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    entries = [b"%d" % i for i in range(new)]
    _, node = tree_in_tiles(entries)
    old_root, new_root = naive_root(entries[:old]), naive_root(entries)
    proof = merkle.consistency_proof(old, new, node)
    assert merkle.consistency_holds(old, old_root, new, new_root, proof)
    assert not merkle.consistency_holds(old, sha256(b"x").digest(), new, new_root, proof)
    assert not merkle.consistency_holds(old, old_root, new, new_root, [*proof, new_root])
    if old != new:
        assert not merkle.consistency_holds(new, new_root, old, old_root, proof)
        if old:
            other = naive_root([b"x", *entries[1:]])
            assert not merkle.consistency_holds(old, old_root, new, other, proof)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 300])
def test_against_pymerkle(size: int) -> None:
    entries = [b"entry %d" % i for i in range(size)]
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries:
        other.append_entry(entry)
    grown, node = tree_in_tiles(entries)
    assert other.get_root() == grown.root
    for index in {0, size // 2, size - 1}:
        # pymerkle counts from 1 and begins the path with the leaf itself.
        ours = merkle.inclusion_proof(index, size, node)
        theirs = other.prove_inclusion(index + 1)
        assert theirs.path == [merkle.leaf_hash(entries[index]), *ours]
        pymerkle.verify_inclusion(merkle.leaf_hash(entries[index]), grown.root, theirs)
    for old in {1, max(1, size // 2), size}:
        assert merkle.tree_root(old, node) == other.get_root(old)


def test_a_proof_needs_few_tiles() -> None:
    wanted = tiles.Wanted()
    merkle.inclusion_proof(123_456_789, 1_000_000_000, wanted)
    assert len(wanted.tiles) <= 8
