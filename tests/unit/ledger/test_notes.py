"""Signed notes: the standard's own examples, keys we make, and every way to spoil one."""

import base64

import pytest

from huying.ledger.rules import notes
from huying.ledger.rules.errors import MalformedNote
from huying.standards.crypto import signer

# The public and private key of Go's note package documentation (golang.org/x/mod/sumdb/note).
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The example of C2SP tlog-cosignature.
COSIGNED = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+"
    "mbIUBkBIfZ+qnA==\n"
)
ED25519 = signer("ED25519", bytes(range(32)))
SM2 = signer("SM2", bytes(range(1, 33)))
LOG = notes.NoteKey("example.com/log", "ED25519", ED25519.public_key)
DOMESTIC = notes.NoteKey("example.com/log/sm2", "SM2", SM2.public_key)
BODY = notes.CheckpointBody("example.com/log", 7, bytes(32))


def test_the_published_note_of_the_reference_implementation_verifies() -> None:
    key = notes.parse_key(PETER_KEY)
    assert key.line == PETER_KEY
    note = notes.parse_note(PETER_NOTE)
    assert note.signed_by(key)
    assert str(note) == PETER_NOTE
    assert not notes.parse_note(PETER_NOTE.replace("answer", "Answer")).signed_by(key)


def test_the_example_of_the_standard_is_read_as_it_stands() -> None:
    note = notes.parse_note(COSIGNED)
    body = notes.parse_checkpoint(note.text)
    assert (body.origin, body.size) == ("example.com/behind-the-sofa", 20852163)
    assert body.text == note.text
    assert [one.name for one in note.signatures] == [
        "example.com/behind-the-sofa",
        "witness.example.com/w1",
    ]
    assert int.from_bytes(note.signatures[1].signature[:8], "big") == 1679315147
    assert str(note) == COSIGNED


def test_signed_by_both_keys_and_by_no_other() -> None:
    note = notes.sign(BODY.text, [(LOG, ED25519), (DOMESTIC, SM2)])
    again = notes.parse_note(str(note))
    assert again == note
    assert again.signed_by(LOG)
    assert again.signed_by(DOMESTIC)
    other = signer("ED25519", bytes(32)).public_key
    assert not again.signed_by(notes.NoteKey("example.com/log", "ED25519", other))
    assert not again.signed_by(notes.NoteKey("example.com/other", "ED25519", LOG.public_key))


@pytest.mark.parametrize("key", [LOG, DOMESTIC])
def test_one_changed_bit_spoils_a_signature(key: notes.NoteKey) -> None:
    note = notes.sign(BODY.text, [(LOG, ED25519), (DOMESTIC, SM2)])
    changed = notes.CheckpointBody(BODY.origin, 8, BODY.root).text
    assert not notes.Note(changed, note.signatures).signed_by(key)
    line = note.by(key)
    assert line is not None
    spoiled = notes.NoteSignature(line.name, line.key_id, line.signature[:-1] + b"\x00")
    assert not note.with_signature(spoiled).signed_by(key) or line.signature[-1] == 0


def test_a_cosignature_binds_the_time() -> None:
    witness = notes.NoteKey("witness.example/w", "COSIGNATURE", ED25519.public_key)
    note = notes.sign(BODY.text, [(LOG, ED25519)])
    cosigned = note.with_signature(notes.cosign(note, witness, ED25519, 1_700_000_000))
    assert cosigned.signed_by(LOG)
    assert cosigned.signed_by(witness)
    line = cosigned.by(witness)
    assert line is not None
    later = (1_700_000_001).to_bytes(8, "big") + line.signature[8:]
    moved = notes.NoteSignature(line.name, line.key_id, later)
    assert not note.with_signature(moved).signed_by(witness)
    twice = cosigned.with_signature(notes.cosign(note, witness, ED25519, 1_700_000_005))
    assert len(twice.signatures) == 2, "a newer line takes the place of the older one"


def test_key_ids_tell_the_kinds_apart() -> None:
    same = [notes.NoteKey("n", kind, ED25519.public_key) for kind in ("ED25519", "COSIGNATURE")]
    assert same[0].key_id != same[1].key_id
    for key in (*same, DOMESTIC):
        assert notes.parse_key(key.line) == key


@pytest.mark.parametrize(
    "line",
    [
        "",
        "name",
        "name+00000000+AQ==",
        LOG.line.replace("+", "+0", 1),
        LOG.line[:-4],
        "name+12345678+not base64",
    ],
)
def test_broken_keys_are_refused(line: str) -> None:
    with pytest.raises(MalformedNote, match="公钥"):
        notes.parse_key(line)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no signature\n",
        "text\n\n",
        "text\n\n— name\n",
        "text\n\n— name !!!!\n",
        "text\n\n— name AAAA\n",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n— name AAAAAAAA",
        "te\txt\n\n— name AAAAAAAA\n",
        "x" * 70_000 + "\n\n— name AAAAAAAA\n",
    ],
)
def test_broken_notes_are_refused(text: str) -> None:
    with pytest.raises(MalformedNote):
        notes.parse_note(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        "origin\n01\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "origin\n-1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "origin\n1\n" + base64.b64encode(bytes(31)).decode() + "\n",
        "\n1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "origin\n1\n" + base64.b64encode(bytes(32)).decode(),
    ],
)
def test_broken_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(MalformedNote):
        notes.parse_checkpoint(text)
