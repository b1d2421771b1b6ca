"""A secret is made once, by whoever comes first, and never readable by others."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from huying.config.secrets import given, secret

AT_ONCE = 8


@pytest.mark.parametrize("round_", range(10))
def test_those_who_start_at_once_agree(round_: int, tmp_path: Path) -> None:
    together = threading.Barrier(AT_ONCE)

    def start(_: int) -> str:
        together.wait()
        return secret("django_secret", tmp_path / "keys")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        values = set(pool.map(start, range(AT_ONCE)))
    assert len(values) == 1
    assert len(values.pop()) >= 48
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["django_secret"]


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    secret("django_secret", tmp_path / "keys")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys" / "django_secret").stat().st_mode) == 0o600


def test_the_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = secret("django_secret", tmp_path)
    monkeypatch.setenv("HUYING_DJANGO_SECRET", "given")
    assert secret("django_secret", tmp_path) == "given"
    monkeypatch.delenv("HUYING_DJANGO_SECRET")
    assert secret("django_secret", tmp_path) == kept


def test_what_holds_a_password_may_lie_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUYING_DATABASE_URL", raising=False)
    monkeypatch.delenv("HUYING_DATABASE_URL_FILE", raising=False)
    assert given("database_url") == ""
    file = tmp_path / "database_url"
    file.write_text("postgresql://huying:secret@db/huying\n")
    monkeypatch.setenv("HUYING_DATABASE_URL_FILE", str(file))
    assert given("database_url") == "postgresql://huying:secret@db/huying"
    monkeypatch.setenv("HUYING_DATABASE_URL", "postgresql:///other")
    assert given("database_url") == "postgresql:///other"
