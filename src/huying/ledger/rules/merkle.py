"""The Merkle tree of RFC 6962, section 2.1, with SHA-256: growing it, proving, checking.

A tree is described by its size and its *frontier*: the roots of the complete subtrees it
consists of, largest first, one for each bit of the size. A batch of leaves is added level by
level, so that the cost is one hash a leaf and the hashes that tiles hold fall out on the way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

EMPTY_ROOT: Final = sha256(b"").digest()
HASH_SIZE: Final = 32
TILE_HEIGHT: Final = 8

NodeReader = Callable[[int, int], bytes]
"""(level, index) -> hash of the complete subtree over 2^level leaves from index * 2^level."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _parents(nodes: Sequence[bytes]) -> list[bytes]:
    return [
        sha256(b"\x01" + left + right).digest()
        for left, right in zip(nodes[::2], nodes[1::2], strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Growth:
    """A tree after a batch. `appended[n]` are the hashes that joined tiles of level n."""

    size: int
    frontier: tuple[bytes, ...]
    appended: dict[int, list[bytes]]

    @property
    def root(self) -> bytes:
        return root_of(self.frontier)


def grow(size: int, frontier: Sequence[bytes], leaves: Sequence[bytes]) -> Growth:
    """The tree of `size` leaves with this frontier, and `leaves` (leaf hashes) behind them."""
    if len(frontier) != size.bit_count():
        raise ValueError(f"a tree of {size} has {size.bit_count()} frontier hashes")
    edge = list(frontier)  # smallest subtree last
    total = size + len(leaves)
    appended: dict[int, list[bytes]] = {}
    kept: list[bytes] = []  # smallest subtree first
    nodes = list(leaves)
    for level in range(total.bit_length()):
        if nodes and level % TILE_HEIGHT == 0:
            appended[level // TILE_HEIGHT] = list(nodes)
        if size >> level & 1:
            nodes.insert(0, edge.pop())
        if total >> level & 1:
            kept.append(nodes.pop())
        nodes = _parents(nodes)
    return Growth(total, tuple(reversed(kept)), appended)


def root_of(frontier: Sequence[bytes]) -> bytes:
    """The root of the tree whose complete subtrees have these roots, largest first."""
    if not frontier:
        return EMPTY_ROOT
    root = frontier[-1]
    for larger in frontier[-2::-1]:
        root = node_hash(larger, root)
    return root


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over 2^n hashes of equal height."""
    nodes = list(hashes)
    while len(nodes) > 1:
        nodes = _parents(nodes)
    return nodes[0]


def _split(count: int) -> int:
    """The largest power of two below `count` (> 1)."""
    return 1 << (count - 1).bit_length() - 1


def _subtree(start: int, end: int, node: NodeReader) -> bytes:
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(count)
    return node_hash(_subtree(start, middle, node), _subtree(middle, end, node))


def tree_root(size: int, node: NodeReader) -> bytes:
    """The root of the first `size` leaves, from complete subtrees."""
    return _subtree(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962, 2.1.1; siblings from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(middle, end, node))
            end = middle
        else:
            path.append(_subtree(start, middle, node))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: NodeReader) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962, 2.1.2; empty where old is 0 or equal to new."""
    if not 0 <= old <= new:
        raise ValueError(f"no tree of {old} in a tree of {new}")
    if old in (0, new):
        return []
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_subtree(middle, end, node))
            end = middle
        else:
            proof.append(_subtree(start, middle, node))
            start, whole = middle, False
    if not whole:
        proof.append(_subtree(start, end, node))
    return proof[::-1]


def inclusion_holds(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `proof` shows the leaf hash at `index` in the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node_hash(sibling, found)
            while not here & 1 and here:
                here >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        here >>= 1
        last >>= 1
    return last == 0 and found == root


def consistency_holds(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the new tree only added to the old (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old > new or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    here, last = old - 1, new - 1
    while here & 1:
        here >>= 1
        last >>= 1
    found_old = found_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            found_old = node_hash(sibling, found_old)
            found_new = node_hash(sibling, found_new)
            while not here & 1 and here:
                here >>= 1
                last >>= 1
        else:
            found_new = node_hash(found_new, sibling)
        here >>= 1
        last >>= 1
    return last == 0 and found_old == old_root and found_new == new_root
