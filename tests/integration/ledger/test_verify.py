"""Whatever is tampered with, `verify` notices, and names the first entry that does not match."""

import shutil
import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.db import connection

from huying.ledger import queries, verify
from huying.ledger.rules import entries, merkle, notes, tiles
from huying.ledger.rules.errors import MalformedNote
from huying.ledger.sources import SourceUnreadable, UrlSource
from huying.standards.crypto import signer
from tests.factories.ledger import make_records, seal

SIZE = 70_000
KEY = signer("ED25519", bytes(range(32)))
LOG = notes.NoteKey("example.com/log", "ED25519", KEY.public_key)


def write(folder: Path, address: tiles.TileAddress, data: bytes) -> None:
    file = folder / address.path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def write_log(folder: Path, found: list[bytes]) -> None:
    """A log in a folder, written without the code that writes ours."""
    level_hashes = [[sha256(b"\x00" + one).digest() for one in found]]
    while len(level_hashes[-1]) >= 256:
        below = level_hashes[-1]
        level_hashes.append(
            [merkle.fold(below[i : i + 256]) for i in range(0, len(below) // 256 * 256, 256)]
        )
    for level, hashes in enumerate(level_hashes):
        for number in range((len(hashes) + 255) // 256):
            part = hashes[number * 256 : number * 256 + 256]
            write(folder, tiles.TileAddress(level, number, len(part)), b"".join(part))
    for number in range((len(found) + 255) // 256):
        part = found[number * 256 : number * 256 + 256]
        address = tiles.TileAddress(tiles.ENTRIES, number, len(part))
        write(folder, address, entries.pack_bundle(part))
    root = merkle.grow(0, (), level_hashes[0]).root
    sign(folder, len(found), root)
    (folder / "keys").write_text(LOG.line + "\n")


def sign(folder: Path, size: int, root: bytes) -> None:
    body = notes.CheckpointBody(LOG.name, size, root)
    (folder / "checkpoint").write_text(str(notes.sign(body.text, [(LOG, KEY)])))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    write_log(folder, [b'{"number":%d}' % number for number in range(SIZE)])
    return folder


@pytest.fixture
def log(sound: Path, tmp_path: Path) -> Path:
    """A copy to spoil, files shared until they are written anew."""
    folder = tmp_path / "log"
    shutil.copytree(sound, folder)
    return folder


def bundle_of(folder: Path, index: int) -> tuple[tiles.TileAddress, list[bytes]]:
    number = index // 256
    address = tiles.TileAddress(tiles.ENTRIES, number, min(256, SIZE - number * 256))
    return address, entries.unpack_bundle((folder / address.path).read_bytes())


def tile_of(folder: Path, level: int, place: int) -> tuple[tiles.TileAddress, bytearray]:
    address = tiles.holding(level, place // 256, SIZE)
    return address, bytearray((folder / address.path).read_bytes())


def only(report: verify.VerifyReport, kind: str, index: int | None) -> None:
    assert [(one.kind, one.index) for one in report.problems] == [(kind, index)], report.in_words()
    assert report.first_index == index
    assert not report.ok
    assert report.problems[0].zh in report.in_words()


def test_a_sound_log(sound: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = verify.verify(
        sound, public_key=LOG.line, progress=lambda done, of: seen.append((done, of))
    )
    assert report.ok, report.in_words()
    assert (report.size, report.checked) == (SIZE, SIZE)
    assert report.signatures == ["example.com/log (ED25519)"]
    assert seen[-1] == (SIZE, SIZE)
    assert "公钥取自账本自身" not in report.in_words()
    assert "公钥取自账本自身" in verify.verify(sound).in_words()


@pytest.mark.parametrize("index", [0, 255, 256, 40_001, 69_887, 69_999])
def test_a_changed_entry(log: Path, index: int) -> None:
    address, found = bundle_of(log, index)
    found[index % 256] = b"forged"
    write(log, address, entries.pack_bundle(found))
    only(verify.verify(log), "ENTRY_CHANGED", index)


def test_swapped_entries(log: Path) -> None:
    address, found = bundle_of(log, 5_000)
    found[7], found[9] = found[9], found[7]
    write(log, address, entries.pack_bundle(found))
    only(verify.verify(log), "ENTRIES_SWAPPED", address.number * 256 + 7)


def test_a_removed_entry_moves_all_behind_it(log: Path) -> None:
    address, found = bundle_of(log, 1_000)
    write(log, address, entries.pack_bundle(found[:3] + found[4:]))
    report = verify.verify(log)
    assert report.first_index == address.number * 256 + 3
    assert {one.kind for one in report.problems} == {"ENTRY_CHANGED", "ENTRY_MISSING"}


def test_a_truncated_bundle(log: Path) -> None:
    address, found = bundle_of(log, SIZE - 1)
    write(log, address, entries.pack_bundle(found[:-1]))
    only(verify.verify(log), "ENTRY_MISSING", SIZE - 1)


def test_a_bundle_cut_inside_an_entry(log: Path) -> None:
    address, found = bundle_of(log, 512)
    write(log, address, entries.pack_bundle(found)[:-1])
    only(verify.verify(log), "BUNDLE_UNREADABLE", 512)


def test_a_missing_bundle(log: Path) -> None:
    address, _ = bundle_of(log, 512)
    (log / address.path).unlink()
    only(verify.verify(log), "ENTRY_MISSING", 512)


@pytest.mark.parametrize(("level", "place"), [(0, 1_234), (0, 69_990), (1, 17), (1, 272), (2, 0)])
def test_a_changed_tile(log: Path, level: int, place: int) -> None:
    address, data = tile_of(log, level, place)
    data[place % 256 * 32] ^= 1
    write(log, address, bytes(data))
    only(verify.verify(log), "TILE_CHANGED", place << 8 * level)


def test_a_missing_tile(log: Path) -> None:
    address, _ = tile_of(log, 0, 3_000)
    (log / address.path).unlink()
    only(verify.verify(log), "TILE_MISSING", 3_000 // 256 * 256)


def test_an_entry_and_another_tile(log: Path) -> None:
    address, found = bundle_of(log, 300)
    found[300 % 256] = b"forged"
    write(log, address, entries.pack_bundle(found))
    tile, data = tile_of(log, 0, 1_234)
    data[1_234 % 256 * 32] ^= 1
    write(log, tile, bytes(data))
    report = verify.verify(log)
    assert [(one.kind, one.index) for one in report.problems] == [
        ("ENTRY_CHANGED", 300),
        ("TILE_CHANGED", 1_234),
    ]


def test_entries_rewritten_together_with_their_tile(log: Path) -> None:
    address, found = bundle_of(log, 300)
    found[300 % 256] = b"forged"
    write(log, address, entries.pack_bundle(found))
    hashes = merkle.leaf_hashes(found)
    write(log, tiles.TileAddress(0, address.number), b"".join(hashes))
    only(verify.verify(log), "ENTRIES_REWRITTEN", 256)


def test_everything_rewritten_but_the_signature(log: Path) -> None:
    note = (log / "checkpoint").read_text()
    write_log(log, [b"forged %d" % number for number in range(SIZE)])
    (log / "checkpoint").write_text(note)
    only(verify.verify(log), "CHECKPOINT_ROOT", None)


def test_a_forged_checkpoint(log: Path) -> None:
    note = (log / "checkpoint").read_text()
    (log / "checkpoint").write_text(note.replace("70000", "69999"))
    report = verify.verify(log)
    assert report.problems[0].kind == "CHECKPOINT_UNSIGNED"


def test_everything_rewritten_and_signed_by_another_key(log: Path, sound: Path) -> None:
    other = signer("ED25519", bytes(32))
    forger = notes.NoteKey(LOG.name, "ED25519", other.public_key)
    body = notes.parse_checkpoint(notes.parse_note((log / "checkpoint").read_text()).text)
    (log / "checkpoint").write_text(str(notes.sign(body.text, [(forger, other)])))
    (log / "keys").write_text(forger.line)
    assert verify.verify(log).ok, "without the key from elsewhere nobody can tell"
    only(verify.verify(log, public_key=LOG.line), "CHECKPOINT_UNSIGNED", None)


def test_no_key_at_all(log: Path) -> None:
    (log / "keys").unlink()
    only(verify.verify(log), "CHECKPOINT_UNSIGNED", None)


def test_what_cannot_be_checked_is_said_plainly(tmp_path: Path, log: Path) -> None:
    with pytest.raises(SourceUnreadable, match="没有这个文件夹"):
        verify.verify(tmp_path / "nowhere")
    with pytest.raises(SourceUnreadable, match="没有找到检查点"):
        verify.verify(tmp_path)
    with pytest.raises(SourceUnreadable, match="连不上"):
        verify.verify("http://127.0.0.1:1/ledger")
    with pytest.raises(MalformedNote):
        verify.verify(log, public_key="nonsense")


def test_an_empty_log(tmp_path: Path) -> None:
    sign(tmp_path, 0, merkle.EMPTY_ROOT)
    (tmp_path / "keys").write_text(LOG.line)
    assert verify.verify(tmp_path).ok


# --- the county's own database -----------------------------------------------------------------


def execute(statement: str, *values: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.django_db(transaction=True)
def test_exported_tiles_verify_without_the_database(tmp_path: Path) -> None:
    make_records(range(600))
    seal()
    assert verify.export_tiles(tmp_path / "out") == 600
    report = verify.verify(tmp_path / "out", public_key=queries.key_lines()[0])
    assert report.ok, report.in_words()
    assert report.checked == 600
    with_both = verify.verify(tmp_path / "out")
    assert len(with_both.signatures) == 2


@pytest.mark.django_db(transaction=True)
def test_tampering_in_the_database() -> None:
    ids = make_records(range(600))
    seal()
    assert verify.verify_database().ok
    execute("UPDATE ledger_record SET entry = 'forged' WHERE id = %s", ids[300])
    only(verify.verify_database(), "ENTRY_CHANGED", 300)


@pytest.mark.django_db(transaction=True)
def test_a_deleted_record_in_the_database() -> None:
    ids = make_records(range(300))
    seal()
    execute("DELETE FROM ledger_record WHERE id = %s", ids[20])
    only(verify.verify_database(), "ENTRY_MISSING", 20)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change", ["actor = 'staff:2'", "kind = 'x'", "subject = 'case:9'", "at = at + interval '1 s'"]
)
def test_a_column_that_says_something_else_than_the_entry(change: str) -> None:
    ids = make_records(range(3))
    seal()
    execute(f"UPDATE ledger_record SET {change} WHERE id = %s", ids[1])
    only(verify.verify_database(), "COLUMN_CHANGED", 1)


@pytest.mark.django_db(transaction=True)
def test_swapped_positions_in_the_database() -> None:
    ids = make_records(range(5))
    seal()
    execute("UPDATE ledger_position SET record_id = -1 WHERE record_id = %s", ids[1])
    execute("UPDATE ledger_position SET record_id = %s WHERE record_id = %s", ids[1], ids[3])
    execute("UPDATE ledger_position SET record_id = %s WHERE record_id = -1", ids[3])
    only(verify.verify_database(), "ENTRIES_SWAPPED", 1)


@pytest.mark.django_db(transaction=True)
def test_a_record_taken_out_of_the_tree() -> None:
    make_records(range(3))
    seal()
    execute("DELETE FROM ledger_position WHERE position = 2")
    report = verify.verify_database()
    assert [(one.kind, one.index) for one in report.problems] == [
        ("RECORD_UNPLACED", None),
        ("ENTRY_MISSING", 2),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["size = 2", "frontier = sha256('x') || sha256('y')"])
def test_an_end_of_the_tree_that_is_not_what_was_signed(change: str) -> None:
    make_records(range(3))
    seal()
    execute(f"UPDATE ledger_head SET {change}")
    report = verify.verify_database()
    assert ("HEAD_CHANGED", None) in [(one.kind, one.index) for one in report.problems]


def test_a_log_that_asks_to_be_read_slower_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a long log from its address meets the limit a client has; that is no fault of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            first = len(asked) == 1
            self.send_response(429 if first else 200)
            self.send_header("Retry-After", "41")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"tile")

        def log_message(self, format: str, *arguments: object) -> None:
            """Silent."""

    slept: list[float] = []
    monkeypatch.setattr("huying.ledger.sources.time.sleep", slept.append)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    source = UrlSource(f"http://127.0.0.1:{server.server_port}")
    try:
        assert source.read("tile/0/000") == b"tile"
    finally:
        source.close()
        server.shutdown()
        thread.join()
        server.server_close()
    assert (slept, len(asked)) == ([41], 2)
