"""The design page's contents: what it shows as real is real."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.test import RequestFactory

from huying.insight.pages import design, design_samples, shell

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)


def test_the_sample_proof_is_signed_and_leads_to_its_root() -> None:
    proof = design_samples.proof()
    text, _, signatures = proof["checkpoint"].partition("\n\n")
    blob = base64.b64decode(signatures.split()[2])
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(proof["public_key"]))
    key.verify(blob[4:], f"{text}\n".encode())
    leaf = hashlib.sha256(b"\x00" + base64.b64decode(proof["entry"])).digest()
    right, left, last = (base64.b64decode(value) for value in proof["hashes"])
    node = hashlib.sha256(b"\x01" + leaf + right).digest()
    node = hashlib.sha256(b"\x01" + left + node).digest()
    assert hashlib.sha256(b"\x01" + node + last).digest() == base64.b64decode(proof["root"])


def test_the_page_shows_one_clock_of_every_state() -> None:
    states = {clock.state for clock in design_samples.clocks(NOW)}
    assert states == {"ON_TIME", "SOON", "OVERDUE", "WAITING", "STOPPED"}


def test_grids_are_closed_rings() -> None:
    for feature in design_samples.grids()["features"]:
        (ring,) = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        assert len(set(ring)) == 4


@pytest.mark.parametrize("name", sorted(design.DATA))
def test_figures_are_served_as_json(name: str) -> None:
    answer = design.design_system(RequestFactory().get("/design/", {"data": name}))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"


def test_no_template_or_qr_code_needs_an_inline_style_or_script() -> None:
    assert "style=" not in design_samples.qr("https://huying.example/")
    bad = re.compile(r'\sstyle=|\son[a-z]+="|<script(?![^>]*\bsrc=)|hx-on')
    for path in (ROOT / "templates").rglob("*.html"):
        if path.parts[-2] != "admin":
            assert not bad.search(path.read_text(encoding="utf-8")), path


def test_the_service_worker_is_never_kept_by_caches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shell, "_worker_source", lambda: b"self.skipWaiting()")
    answer = shell.service_worker(RequestFactory().get("/sw.js"))
    assert answer["Content-Type"].startswith("text/javascript")
    assert "no-cache" in answer["Cache-Control"]
