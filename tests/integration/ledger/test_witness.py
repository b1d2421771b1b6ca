"""A witness outside the house: honest growth is co-signed, a rewritten history is not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from huying.ledger import witness
from huying.ledger.rules import notes
from huying.ledger.sources import SourceUnreadable
from huying.standards.crypto import signer
from tests.integration.ledger.test_verify import KEY, LOG, sign, write_log

Visit = Callable[..., witness.WitnessResult]


def entries(count: int, *, forged: int | None = None) -> list[bytes]:
    return [b"forged" if number == forged else b"entry %d" % number for number in range(count)]


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    def visit(**options: Any) -> witness.WitnessResult:
        return witness.check(
            tmp_path / "log",
            state=tmp_path / "w" / "county.json",
            key_file=tmp_path / "w" / "key",
            **options,
        )

    (tmp_path / "log").mkdir()
    return visit


def test_growth_is_cosigned(tmp_path: Path, visit: Visit) -> None:
    for count, outcome in ((300, "FIRST_SEEN"), (300, "UNCHANGED"), (700, "GREW"), (701, "GREW")):
        write_log(tmp_path / "log", entries(count))
        result = visit()
        assert (result.outcome, result.ok, result.size) == (outcome, True, count)
        note = notes.parse_note(result.cosigned)
        key = notes.parse_key(witness.public_line(tmp_path / "w" / "key", "witness/county"))
        assert note.signed_by(key)
        assert note.signed_by(LOG)
        assert result.cosigned in result.in_words()
    assert json.loads((tmp_path / "w" / "county.json").read_text())["note"] == result.cosigned


def test_a_log_that_was_empty_at_first(tmp_path: Path, visit: Visit) -> None:
    write_log(tmp_path / "log", [])
    assert visit().outcome == "FIRST_SEEN"
    write_log(tmp_path / "log", entries(5))
    assert visit().outcome == "GREW"


@pytest.mark.parametrize("forged", [0, 150, 299])
def test_a_fork_is_refused_with_both_checkpoints_as_evidence(
    tmp_path: Path, visit: Visit, forged: int
) -> None:
    write_log(tmp_path / "log", entries(300))
    before = visit()
    write_log(tmp_path / "log", entries(500, forged=forged))
    result = visit()
    assert (result.outcome, result.ok, result.cosigned) == ("FORKED", False, "")
    assert result.evidence is not None
    evidence = result.evidence.read_text()
    assert before.cosigned in evidence
    assert (tmp_path / "log" / "checkpoint").read_text() in evidence
    assert "改写" in result.in_words()
    again = visit()
    assert again.outcome == "FORKED", "what was seen stays remembered"
    assert again.evidence != result.evidence


def test_another_root_of_the_same_size(tmp_path: Path, visit: Visit) -> None:
    write_log(tmp_path / "log", entries(300))
    visit()
    write_log(tmp_path / "log", entries(300, forged=4))
    assert visit().outcome == "FORKED"


def test_a_log_that_went_back(tmp_path: Path, visit: Visit) -> None:
    write_log(tmp_path / "log", entries(300))
    visit()
    write_log(tmp_path / "log", entries(299))
    assert visit().outcome == "WENT_BACK"


def test_a_signature_that_does_not_fit_its_tiles(tmp_path: Path, visit: Visit) -> None:
    write_log(tmp_path / "log", entries(300))
    sign(tmp_path / "log", 300, bytes(32))
    assert visit().outcome == "FORKED"


def test_a_changed_key_is_not_followed(tmp_path: Path, visit: Visit) -> None:
    write_log(tmp_path / "log", entries(300))
    visit()
    write_log(tmp_path / "log", entries(400))
    other = signer("ED25519", bytes(32))
    forger = notes.NoteKey(LOG.name, "ED25519", other.public_key)
    note = notes.parse_note((tmp_path / "log" / "checkpoint").read_text())
    (tmp_path / "log" / "checkpoint").write_text(str(notes.sign(note.text, [(forger, other)])))
    (tmp_path / "log" / "keys").write_text(forger.line)
    assert visit().outcome == "NOT_SIGNED"


def test_a_key_got_some_other_way_is_what_counts(tmp_path: Path, visit: Visit) -> None:
    write_log(tmp_path / "log", entries(3))
    other = signer("ED25519", bytes(32)).public_key
    line = notes.NoteKey(LOG.name, "ED25519", other).line
    assert visit(public_key=line).outcome == "NOT_SIGNED"
    assert visit(public_key=LOG.line).outcome == "FIRST_SEEN"
    assert KEY.public_key in (LOG.public_key,)


def test_missing_tiles_prove_nothing_either_way(tmp_path: Path, visit: Visit) -> None:
    write_log(tmp_path / "log", entries(300))
    visit()
    write_log(tmp_path / "log", entries(900))
    shutil.rmtree(tmp_path / "log" / "tile")
    with pytest.raises(SourceUnreadable, match="分片不全"):
        visit()
    write_log(tmp_path / "log", entries(900))
    assert visit().outcome == "GREW"


def test_a_damaged_memory_is_said_and_not_begun_afresh(tmp_path: Path, visit: Visit) -> None:
    write_log(tmp_path / "log", entries(3))
    visit()
    (tmp_path / "w" / "county.json").write_text("{")
    with pytest.raises(witness.StateUnreadable, match="不要删除"):
        visit()
