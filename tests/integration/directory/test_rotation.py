"""A new key for the vault while others write; stopped and gone on with; the old one taken away."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from huying.directory import actions, queries, vault
from huying.directory.models import Person
from huying.ledger.models import Record
from tests.factories.directory import SYSTEM, make_account

BATCH = 7


@pytest.fixture
def keys(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.KEY_DIR = tmp_path
    monkeypatch.setattr("huying.directory.actions.keys.BATCH", BATCH)
    vault.forget_keys()
    return tmp_path


def _people(count: int, start: int = 0) -> list[int]:
    return [
        actions.remember_person(
            name=f"居民{n}", phone=f"139{n:08d}", address=f"东门{n}号", by=SYSTEM
        )
        for n in range(start, start + count)
    ]


def _opened() -> set[tuple[str, str]]:
    return {(one.name.open(), one.phone.open()) for one in Person.objects.all()}  # type: ignore[union-attr]  # all have both


@pytest.mark.django_db
def test_everything_is_sealed_anew_and_the_old_key_can_go(keys: Path) -> None:
    _people(20)
    account = make_account()
    account.totp_secret = "JBSWY3DPEHPK3PXP"
    account.save()
    before = _opened()
    assert queries.keys_in_use().values == {1: 61}
    told: list[int] = []
    stands = actions.rotate_keys(by=SYSTEM, progress=told.append)
    assert (stands.active, stands.values, stands.removable) == (2, {2: 61}, [1])
    assert told == sorted(told)
    assert told[-1] == 61
    (keys / "vault_1.key").unlink()
    vault.forget_keys()
    assert _opened() == before
    assert not (keys / "vault_1.key").exists()
    account.refresh_from_db()
    assert account.totp_secret is not None
    assert account.totp_secret.open() == "JBSWY3DPEHPK3PXP"
    # Blind indexes have a key of their own: who was known is known.
    assert len(queries.find_people(by=SYSTEM, phone="13900000003")) == 1
    kinds = list(Record.objects.filter(subject="vault").values_list("kind", flat=True))
    assert sorted(kinds) == ["vault.key_added", "vault.resealed"]


@pytest.mark.django_db
def test_stopped_half_way_it_goes_on_with_the_same_key(keys: Path) -> None:
    _people(20)

    def stop(moved: int) -> None:
        if moved > 2 * BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        actions.rotate_keys(by=SYSTEM, progress=stop)
    half = queries.keys_in_use()
    assert 0 < half.old_values < 60
    assert half.removable == []
    assert len(_opened()) == 20
    stands = actions.rotate_keys(by=SYSTEM)
    assert (stands.active, stands.known, stands.values) == (2, (1, 2), {2: 60})


@pytest.mark.django_db
def test_a_process_that_has_not_seen_the_new_key_finds_it(keys: Path) -> None:
    vault.seal("先读一次", "person.name")
    ring = vault._ring
    number = vault.make_next_key()
    token = vault.seal("新密钥封的", "person.name")
    assert vault.key_number(token) == number
    vault._ring = ring  # as another process still has it
    assert vault.unseal(token, "person.name") == "新密钥封的"


def test_the_key_that_seals_can_be_pinned(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.make_next_key()
    monkeypatch.setenv("HUYING_VAULT_SEALS_WITH", "1")
    vault.forget_keys()
    assert vault.key_number(vault.seal("x", "person.name")) == 1
    monkeypatch.setenv("HUYING_VAULT_SEALS_WITH", "9")
    vault.forget_keys()
    with pytest.raises(vault.VaultError, match="9"):
        vault.seal("x", "person.name")


def test_keys_in_the_environment_are_added_there(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUYING_VAULT_KEYS", f"1:{'ab' * 32}")
    vault.forget_keys()
    with pytest.raises(vault.VaultError, match="HUYING_VAULT_KEYS"):
        vault.make_next_key()


@pytest.mark.django_db(transaction=True)
def test_whoever_writes_meanwhile_has_the_last_word(keys: Path) -> None:
    known = _people(60)
    stop = threading.Event()
    written: dict[int, str] = {}
    failed: list[BaseException] = []

    def write() -> None:
        try:
            number = 0
            while not stop.is_set() or number < 40:
                person = known[number % len(known)]
                value = f"新址{number}"
                Person.objects.filter(pk=person).update(address=value)
                written[person] = value
                _people(1, start=1_000 + number)
                number += 1
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        stands = actions.rotate_keys(by=SYSTEM)
    finally:
        stop.set()
        writer.join(timeout=60)
    assert not failed
    assert stands.active == 2
    stands = actions.rotate_keys(by=SYSTEM, new=False)
    assert stands.removable == [1]
    (keys / "vault_1.key").unlink()
    vault.forget_keys()
    for person in Person.objects.filter(pk__in=written):
        assert person.address is not None
        assert person.address.open() == written[person.pk]
    assert len(_opened()) >= 100
