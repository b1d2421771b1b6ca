"""A new key for the blind indexes while others look, write and import; killed and gone on with."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from huying.config import registers
from huying.directory import actions, queries, vault
from huying.directory.models import ErasedIdNumber, Household, Person
from huying.directory.permissions import Role
from huying.ledger.models import Record
from tests.factories.directory import GRIDS, SYSTEM, VILLAGE, make_places, make_staff

BATCH = 7
HEAD = "户号,姓名,身份证号,电话,户籍地,居住地,住址,网格,外出"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@pytest.fixture
def keys(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    settings.KEY_DIR = folder
    monkeypatch.setattr("huying.directory.actions.index_keys.BATCH", BATCH)
    monkeypatch.setattr("huying.directory.vault.LOOK_AGAIN_SECONDS", 0.05)
    vault.forget_keys()
    return folder


def _identity(number: int) -> str:
    digits = f"110105{19500101 + number % 28:08d}{number:03d}"
    return digits + "10X98765432"[sum(map(int.__mul__, map(int, digits), WEIGHTS)) % 11]


def _phone(number: int) -> str:
    return f"139{number:08d}"


def _register(folder: Path, people: int, village: str = VILLAGE) -> Path:
    lines = [
        f"户{n // 3},居民{n},{_identity(n)},{_phone(n)},{village},{village},东门{n}号,{GRIDS[0]},否"
        for n in range(people)
    ]
    path = folder / "底册.csv"
    path.write_text("\r\n".join((HEAD, *lines)), encoding="utf-8")
    return path


def _rotate(**more: Any) -> queries.IndexesInUse:
    return actions.rotate_index_key(by=SYSTEM, **{"wait": lambda _s: time.sleep(0.06), **more})


def _found(number: int) -> int:
    return len(queries.find_people(by=SYSTEM, phone=_phone(number)))


@pytest.mark.django_db
def test_everybody_is_found_by_the_new_key_alone(keys: Path, tmp_path: Path) -> None:
    make_places()
    registers.load(_register(tmp_path, 20), by=SYSTEM)
    before = set(Person.objects.values_list("phone_index", flat=True))
    told: list[int] = []
    stands = _rotate(progress=told.append)
    # 20 people by three values, 7 households by their number.
    assert (stands.written, stands.newest, stands.values) == (2, 2, {2: 67})
    assert not stands.unfinished
    assert told == sorted(told)
    assert told[-1] == 27
    assert not before & set(Person.objects.values_list("phone_index", flat=True))
    assert [_found(n) for n in range(20)] == [1] * 20
    # Who holds the first key alone can test no telephone number any more.
    old = vault.indexes("person.phone", _phone(3))[0]
    assert not Person.objects.filter(phone_index=old).exists()
    assert Person.objects.filter(phone_index=vault.indexes("person.phone", _phone(3))[1]).exists()
    kinds = Record.objects.filter(subject="vault").values_list("kind", flat=True)
    assert sorted(kinds) == ["vault.index_key_added", "vault.reindexed"]
    assert _rotate().newest == 3, "and again"
    assert [_found(n) for n in range(20)] == [1] * 20


@pytest.mark.django_db
def test_people_are_the_same_people_under_either_key(keys: Path, tmp_path: Path) -> None:
    make_places()
    registers.load(_register(tmp_path, 5), by=SYSTEM)
    stranger = actions.remember_person(name="过路人", phone="13100000000", by=SYSTEM)

    def stop(_rows: int) -> None:
        raise KeyboardInterrupt

    # Written anew from now on, nothing raised yet but one chunk.
    with pytest.raises(KeyboardInterrupt):
        _rotate(progress=stop)
    Person.objects.update(phone_index=None, name_index=None)
    for person in Person.objects.all():
        for field in ("name", "phone"):
            value = getattr(person, field).open()
            setattr(person, f"{field}_index", vault.index(f"person.{field}", value, 1))
        person.save()
    assert actions.remember_person(name="过路人", phone="13100000000", by=SYSTEM) == stranger
    known = Person.objects.get(birth_date="1950-01-02")
    again = actions.remember_person(name="居民1", id_number=_identity(1), by=SYSTEM)
    assert again == known.pk
    new = actions.remember_person(name="新来的", phone="13200000000", by=SYSTEM)
    token = bytes(Person.objects.get(pk=new).phone_index or b"")
    assert vault.key_number(token) == 2


@pytest.mark.django_db
def test_killed_in_the_middle_it_goes_on_with_the_same_key(keys: Path, tmp_path: Path) -> None:
    make_places()
    registers.load(_register(tmp_path, 20), by=SYSTEM)

    def stop(rows: int) -> None:
        if rows > BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _rotate(progress=stop)
    half = queries.indexes_in_use()
    assert half.unfinished
    assert set(half.values) == {1, 2}
    assert [_found(n) for n in range(20)] == [1] * 20
    # The same register half way: nobody twice, no household twice.
    assert registers.load(_register(tmp_path, 22), by=SYSTEM).new == 2
    assert Person.objects.count() == 22
    assert Household.objects.count() == 8
    stands = _rotate(new=False)
    assert (stands.newest, stands.unfinished) == (2, False)
    assert registers.load(_register(tmp_path, 22), by=SYSTEM).new == 0


@pytest.mark.django_db
def test_stopped_before_the_turn_only_a_key_is_there(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_places()
    registers.load(_register(tmp_path, 3), by=SYSTEM)
    vault.make_next_index_key()
    assert queries.indexes_in_use().unfinished
    assert registers.load(_register(tmp_path, 4), by=SYSTEM).new == 1
    assert set(queries.indexes_in_use().values) == {1}
    assert (_rotate().newest, _found(3)) == (2, 1)


@pytest.mark.django_db
def test_whoever_was_erased_stays_erased_under_the_new_key(keys: Path, tmp_path: Path) -> None:
    make_places()
    dispatcher = make_staff(Role.DISPATCHER)
    register = _register(tmp_path, 4)
    registers.load(register, by=SYSTEM)
    gone = Person.objects.get(phone_index__in=vault.indexes("person.phone", _phone(2)))
    actions.erase_person(person_id=gone.pk, reason="本人书面申请删除", by=dispatcher)
    stands = _rotate()
    assert set(stands.values) == {2}
    assert registers.load(register, by=SYSTEM).erased == 1
    assert _found(2) == 0
    # Back by themselves and erased again: once there, whatever the generation.
    back = actions.remember_person(name="居民2", id_number=_identity(2), by=SYSTEM)
    actions.erase_person(person_id=back, reason="本人书面申请删除", by=dispatcher)
    assert ErasedIdNumber.objects.count() == 1


def test_no_key_no_writing(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.make_next_index_key()
    vault.make_next_index_key()
    (keys / "vault_index_2.key").unlink()
    vault.forget_keys()
    with pytest.raises(vault.VaultError, match="2"):
        vault.indexes("person.phone", "1")
    monkeypatch.setenv("HUYING_VAULT_INDEX_KEY", f"1:{'ab' * 32},2:{'cd' * 32}")
    vault.forget_keys()
    assert len(vault.indexes("person.phone", "1")) == 2
    with pytest.raises(vault.VaultError, match="HUYING_VAULT_INDEX_KEY"):
        vault.make_next_index_key()


@pytest.mark.django_db
def test_a_process_without_the_written_key_refuses_to_write(keys: Path) -> None:
    _rotate()
    (keys / "vault_index_2.key").rename(keys / "elsewhere")
    vault.forget_keys()
    with pytest.raises(vault.VaultError, match="2"):
        actions.remember_person(name="王小明", phone="13812345678", by=SYSTEM)
    with pytest.raises(vault.VaultError, match="2"), transaction.atomic():
        actions.import_people(people=[actions.NewPerson(name="王小明")], by=SYSTEM)
    assert not Person.objects.exists()
    (keys / "elsewhere").rename(keys / "vault_index_2.key")
    assert actions.remember_person(name="王小明", phone="13812345678", by=SYSTEM)


@pytest.mark.django_db(transaction=True)
def test_lookups_writers_and_an_import_go_on_meanwhile(keys: Path, tmp_path: Path) -> None:
    make_places()
    people = 90
    register = _register(tmp_path, people)
    registers.load(register, by=SYSTEM)
    stop = threading.Event()
    missed: list[int] = []
    failed: list[BaseException] = []
    asked: list[int] = []

    def goes_on(work: Any) -> threading.Thread:
        def run() -> None:
            try:
                number = 0
                while not stop.is_set() or number < 5:
                    work(number)
                    number += 1
            except BaseException as error:
                failed.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def look(number: int) -> None:
        asked.append(number)
        if _found(number % people) != 1:
            missed.append(number)

    def write(number: int) -> None:
        # The same people again and again, by ID number and by telephone, and new ones.
        who = number % people
        actions.remember_person(name=f"居民{who}", phone=_phone(who), by=SYSTEM)
        actions.remember_person(name=f"居民{who}", id_number=_identity(who), by=SYSTEM)
        actions.remember_person(name="新", phone=f"150{number % 40:08d}", by=SYSTEM)

    def load(_number: int) -> None:
        assert registers.load(register, by=SYSTEM).new == 0

    threads = [goes_on(work) for work in (look, look, write, write, load)]
    killed = False

    def after_others_came_between(rows: int) -> None:
        nonlocal killed
        before, until = len(asked), time.monotonic() + 10
        while len(asked) < before + 2 and time.monotonic() < until and not failed:
            stop.wait(0.002)
        if rows > 3 * BATCH and not killed:
            killed = True
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            _rotate(progress=after_others_came_between)
        stands = _rotate(progress=after_others_came_between, new=False)
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=60)
    assert not failed
    assert not missed
    assert len(asked) >= 2 * people // BATCH
    assert (stands.written, stands.newest, stands.unfinished) == (2, 2, False)
    assert set(queries.indexes_in_use().values) == {2}
    assert Person.objects.filter(id_number_index__isnull=False).count() == people
    assert Person.objects.filter(id_number_index__isnull=True).count() <= 40
    assert Household.objects.count() == people // 3
