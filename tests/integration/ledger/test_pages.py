"""The public face, read as any tlog-tiles client and as a resident with a phone would."""

import base64
import gzip
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from huying.ledger import queries, verify, witness
from huying.ledger.rules import entries, merkle, notes
from tests.factories.ledger import make_record, make_records, seal

pytestmark = pytest.mark.django_db(transaction=True)


def test_tiles_are_immutable_and_the_checkpoint_is_not(client: Client) -> None:
    make_records(range(300))
    seal()
    answer = client.get("/ledger/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=1"
    body = notes.parse_checkpoint(notes.parse_note(answer.content.decode()).text)
    assert body.size == 300
    for path, size in (("0/000", 8192), ("0/001.p/44", 44 * 32), ("1/000.p/1", 32)):
        answer = client.get(f"/ledger/tile/{path}")
        assert answer.status_code == 200
        assert len(answer.content) == size
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    bundle = client.get("/ledger/tile/entries/001.p/44")
    leaves = merkle.leaf_hashes(entries.unpack_bundle(bundle.content))
    assert b"".join(leaves) == client.get("/ledger/tile/0/001.p/44").content
    packed = client.get("/ledger/tile/entries/000", headers={"accept-encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(entries.unpack_bundle(gzip.decompress(packed.content))) == 256


@pytest.mark.parametrize(
    "path",
    ["0/001", "0/001.p/45", "0/002.p/1", "1/001.p/1", "2/000.p/1", "entries/001.p/45", "0/1", "x"],
)
def test_what_the_tree_does_not_have_is_not_found(client: Client, path: str) -> None:
    make_records(range(300))
    seal()
    assert client.get(f"/ledger/tile/{path}").status_code == 404


def test_before_anything_is_sealed(client: Client) -> None:
    assert client.get("/ledger/checkpoint").status_code == 404
    assert client.get("/ledger/keys").content == b""
    page = client.get("/ledger/")
    assert page.status_code == 200
    assert "还没有记录" in page.content.decode()


def test_nothing_can_be_written_from_outside(client: Client) -> None:
    for path in ("/ledger/checkpoint", "/ledger/tile/0/000", "/ledger/", "/verify/1/"):
        assert client.post(path).status_code == 405


def test_the_page_of_a_record_carries_its_proof(client: Client, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://county.example"
    record_id = make_record(personal={"phone": "13800000000"})
    page = client.get(f"/verify/{record_id}/").content.decode()
    assert "正在存证" in page
    assert 'http-equiv="refresh"' in page
    seal()
    page = client.get(f"/verify/{record_id}/").content.decode()
    assert "这份记录是真的吗" in page
    assert 'id="proof"' in page
    assert "工作人员（编号 17）" in page
    assert "13800000000" not in page
    assert f"https://county.example/verify/{record_id}/" in page
    assert "<svg" in page


def test_the_document_proves_the_record(client: Client) -> None:
    record_id = make_records(range(10))[4]
    assert client.get(f"/verify/{record_id}/proof.json").status_code == 404
    seal()
    document = client.get(f"/verify/{record_id}/proof.json").json()
    assert document == queries.proof_document(record_id)
    raw = base64.b64decode
    assert merkle.inclusion_holds(
        merkle.leaf_hash(raw(document["entry"])),
        document["index"],
        document["size"],
        [raw(one) for one in document["hashes"]],
        raw(document["root"]),
    )
    note = notes.parse_note(document["checkpoint"])
    key = notes.NoteKey(document["origin"], "ED25519", raw(document["public_key"]))
    assert note.signed_by(key)
    file = client.get(f"/verify/{record_id}/proof.tlog-proof").content.decode()
    assert file.startswith("c2sp.org/tlog-proof@v1\nindex 4\n")
    assert file.endswith("\n\n" + document["checkpoint"])


@pytest.mark.parametrize("record_id", [999_999, 2**70])
def test_an_unknown_record_is_said_plainly(client: Client, record_id: int) -> None:
    page = client.get(f"/verify/{record_id}/")
    assert page.status_code == 404
    assert "没有这份存证" in page.content.decode()
    assert client.get(f"/verify/{record_id}/proof.json").status_code == 404


def test_verified_and_witnessed_over_http(live_server: LiveServer, tmp_path: Path) -> None:
    make_records(range(600))
    seal()
    report = verify.verify(f"{live_server.url}/ledger/", public_key=queries.key_lines()[0])
    assert report.ok, report.in_words()
    assert report.checked == 600

    def visit() -> witness.WitnessResult:
        return witness.check(
            live_server.url, state=tmp_path / "state.json", key_file=tmp_path / "key"
        )

    assert visit().outcome == "FIRST_SEEN"
    make_records(range(600, 1200))
    seal()
    assert visit().outcome == "GREW"


def test_a_qr_code_is_an_inline_drawing() -> None:
    drawing = queries.qr_svg("https://county.example/verify/1/")
    assert drawing.startswith("<svg")
    assert "viewBox" in drawing
    assert "style=" not in drawing, "the site's own policy would refuse it"
