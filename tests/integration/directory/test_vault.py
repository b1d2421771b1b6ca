import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from huying.directory import actions, queries, vault
from huying.directory.events import LookAsked, look_asked
from huying.directory.models import AccessRecord, Household, Person
from huying.directory.permissions import Actor, NotAllowed, Role
from huying.ledger import queries as ledger
from huying.ledger.actions import record
from huying.ledger.models import Record, Salt
from tests.factories import directory as make

pytestmark = pytest.mark.django_db
ID_NUMBER = "11010519491231002X"


@pytest.fixture
def keys(tmp_path: Path, settings: object) -> Path:
    settings.KEY_DIR = tmp_path  # type: ignore[attr-defined]  # a fixture's proxy
    vault.forget_keys()
    return tmp_path


@pytest.fixture(autouse=True)
def matter() -> Iterator[None]:
    """A room above, which says of case 1 that everybody spoke in it."""

    def known(event: LookAsked, **_: object) -> bool:
        return event.matter == "case:1"

    look_asked.connect(known, dispatch_uid="tests.matter")
    yield
    look_asked.disconnect(dispatch_uid="tests.matter")


@pytest.fixture
def clerk() -> Actor:
    return make.make_staff(Role.INTAKE_CLERK)


def wang() -> int:
    return actions.remember_person(
        name="王小明",
        phone="138 1234-5678",
        id_number=ID_NUMBER,
        address="清和县城关镇东门社区3号楼2单元501",
        by=make.SYSTEM,
    )


def raw(person_id: int) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(p)::text FROM directory_person p WHERE id=%s", [person_id]
        )
        return str(cursor.fetchone()[0]).encode()


def test_nothing_readable_lies_in_the_database(keys: Path) -> None:
    stored = raw(wang())
    # Nothing as short as "501": three digits turn up in any ciphertext written in hex.
    for value in ("王小明", "小明", "13812345678", ID_NUMBER, "东门社区", "2单元501"):
        assert value.encode() not in stored
        assert value.encode().hex().encode() not in stored
    key = (keys / "vault_1.key").read_text()
    assert len(key) == 64
    assert (keys / "vault_1.key").stat().st_mode & 0o077 == 0


def test_people_are_shown_masked(keys: Path) -> None:
    person = queries.masked_person(wang())
    assert person is not None
    assert person.name == "王**"
    assert person.phone.endswith("5678")
    assert "1234" not in person.phone
    assert person.id_number == "110105********002X"
    assert person.address == "清和县城关镇****"


def test_reading_a_row_does_not_open_it(keys: Path) -> None:
    row = Person.objects.get(pk=wang())
    assert "小明" not in f"{row.name} {row.name!r} {row.__dict__!r}"


def test_a_person_is_revealed_for_a_purpose_and_it_is_recorded(keys: Path, clerk: Actor) -> None:
    person_id = wang()
    with pytest.raises(actions.PurposeMissing):
        actions.reveal_person(
            person_id=person_id, fields=["phone"], matter="case:1", purpose=" ", by=clerk
        )

    values = actions.reveal_person(
        person_id=person_id,
        fields=["phone", "name"],
        matter="case:1",
        purpose="回访核实处理情况",
        by=clerk,
    )

    assert values == {"name": "王小明", "phone": "138 1234-5678"}
    access = AccessRecord.objects.get()
    assert (access.account_id, access.purpose) == (clerk.account_id, "回访核实处理情况")
    sealed = Record.objects.get(pk=access.record_id)
    assert sealed.actor == clerk.ref
    assert sealed.subject == f"access:{access.pk}"
    assert not ledger.records_of(f"person:{person_id}")
    body = json.loads(bytes(sealed.entry))["body"]
    assert body == {"fields": ["name", "phone"]}
    for secret in ("王小明", "回访核实处理情况", "person:"):
        assert secret.encode() not in bytes(sealed.entry)
    assert set(Salt.objects.values_list("field", flat=True)) == {"person", "purpose"}


@pytest.mark.parametrize("role", [Role.LEADER, Role.AUDITOR, Role.SYSTEM_ADMIN])
def test_those_without_the_permission_see_no_person(keys: Path, role: Role) -> None:
    with pytest.raises(NotAllowed):
        actions.reveal_person(
            person_id=wang(),
            fields=["name"],
            matter="case:1",
            purpose="了解一下情况",
            by=make.make_staff(role),
        )
    assert not AccessRecord.objects.exists()


def test_a_changed_or_moved_ciphertext_does_not_open(keys: Path) -> None:
    token = vault.seal("王小明", "person.name")
    assert vault.unseal(token, "person.name") == "王小明"
    for place in (0, 2, 5, len(token) - 1):
        changed = bytearray(token)
        changed[place] ^= 1
        with pytest.raises(vault.VaultError):
            vault.unseal(bytes(changed), "person.name")
    with pytest.raises(vault.VaultError):
        vault.unseal(token, "person.address")
    with pytest.raises(vault.VaultError):
        vault.unseal(token[:2], "person.name")


def test_the_domestic_cipher_seals_beside_the_other(keys: Path, settings: object) -> None:
    before = vault.seal("王小明", "person.name")
    settings.VAULT_CIPHER = "SM4GCM"  # type: ignore[attr-defined]  # a fixture's proxy
    after = vault.seal("王小明", "person.name")
    assert after[2] != before[2]
    assert vault.unseal(after, "person.name") == vault.unseal(before, "person.name")


def test_a_new_key_takes_over_and_the_old_still_opens(keys: Path) -> None:
    before = vault.seal("王小明", "person.name")
    index = vault.indexes("person.phone", "13812345678")
    (keys / "vault_2.key").write_text("ab" * 32)
    vault.forget_keys()
    after = vault.seal("王小明", "person.name")
    assert after[:2] == b"\x00\x02"
    assert vault.unseal(before, "person.name") == vault.unseal(after, "person.name")
    assert vault.indexes("person.phone", "13812345678") == index


def test_a_spoiled_key_file_is_named(keys: Path) -> None:
    (keys / "vault_1.key").write_text("too short")
    with pytest.raises(vault.VaultError, match=r"vault_1\.key"):
        vault.seal("x", "person.name")


@pytest.mark.parametrize(
    ("field", "one", "same"),
    [
        ("phone", "138 1234-5678", "+86 13812345678"),
        ("phone", "13812345678", "１３８１２３４５６７８"),
        ("id_number", "11010519491231002x", ID_NUMBER),
        ("name", "王 小明", "王小明"),
    ],
)
def test_blind_indexes_forgive_how_a_value_is_written(
    keys: Path, field: str, one: str, same: str
) -> None:
    assert vault.indexes(f"person.{field}", one) == vault.indexes(f"person.{field}", same)


def test_blind_indexes_of_different_columns_cannot_be_linked(keys: Path) -> None:
    assert vault.indexes("person.phone", "123") != vault.indexes("person.id_number", "123")


def test_the_same_person_is_remembered_once(keys: Path) -> None:
    first = actions.remember_person(name="王小明", phone="13812345678", by=make.SYSTEM)
    again = actions.remember_person(name="王 小明", phone="138-1234-5678", by=make.SYSTEM)
    wife = actions.remember_person(name="李红", phone="13812345678", by=make.SYSTEM)
    nameless = actions.remember_person(phone="13812345678", by=make.SYSTEM)
    assert first == again
    assert len({first, wife, nameless}) == 3
    assert actions.remember_person(phone="13812345678", by=make.SYSTEM) == nameless


def test_an_id_number_decides_and_fills_in_what_was_missing(keys: Path, clerk: Actor) -> None:
    first = actions.remember_person(name="王小明", id_number=ID_NUMBER, by=make.SYSTEM)
    again = actions.remember_person(
        name="王晓明", id_number=ID_NUMBER.lower(), phone="13812345678", by=make.SYSTEM
    )
    assert first == again
    values = actions.reveal_person(
        person_id=first, fields=["name", "phone"], matter="case:1", purpose="核对登记信息", by=clerk
    )
    assert values == {"name": "王小明", "phone": "13812345678"}


def test_a_registered_resident_is_found_by_phone_and_name(keys: Path) -> None:
    registered = wang()
    assert actions.remember_person(name="王小明", phone="13812345678", by=make.SYSTEM) == registered


def test_a_name_alone_is_never_taken_for_somebody_known(keys: Path) -> None:
    one = actions.remember_person(name="王小明", by=make.SYSTEM)
    assert actions.remember_person(name="王小明", by=make.SYSTEM) != one
    with pytest.raises(actions.NothingToRemember):
        actions.remember_person(name=" ", by=make.SYSTEM)


def test_remembering_is_one_statement(keys: Path, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]  # a fixture
        actions.remember_person(name="王小明", phone="13812345678", by=make.SYSTEM)


def test_people_are_found_by_exact_values_and_stay_masked(keys: Path, clerk: Actor) -> None:
    person_id = wang()
    assert [p.id for p in queries.find_people(by=clerk, phone="13812345678")] == [person_id]
    assert queries.find_people(by=clerk, phone="13812345678")[0].name == "王**"
    assert queries.find_people(by=clerk, phone="13812345678", name="李红") == []
    assert queries.find_people(by=clerk, phone="--") == []
    with pytest.raises(NotAllowed):
        queries.find_people(by=make.make_staff(Role.AUDITOR), phone="13812345678")


def test_erasing_leaves_an_empty_row_and_standing_proofs(keys: Path) -> None:
    person_id = wang()
    with transaction.atomic():
        record(
            kind="person.registered",
            subject=f"person:{person_id}",
            by="staff:1",
            body={},
            personal={"phone": "13812345678"},
        )
    assert Salt.objects.count() == 1

    with pytest.raises(NotAllowed):
        actions.erase_person(
            person_id=person_id, reason="本人申请删除", by=make.make_staff(Role.SYSTEM_ADMIN)
        )
    dispatcher = make.make_staff(Role.DISPATCHER)
    actions.erase_person(person_id=person_id, reason="本人申请删除", by=dispatcher)

    registered = ledger.records_of(f"person:{person_id}")
    assert {r.kind for r in registered} == {"person.registered"}
    assert not Salt.objects.filter(record_id__in=[r.id for r in registered]).exists()
    access = AccessRecord.objects.get(person=person_id)
    assert (access.fields, access.purpose) == (["erased"], "本人申请删除")
    sealed = Record.objects.get(pk=access.record_id)
    assert (sealed.kind, sealed.subject) == ("person.erased", f"access:{access.pk}")
    assert "本人申请删除".encode() not in bytes(sealed.entry)
    person = queries.masked_person(person_id)
    assert person is not None
    assert (person.name, person.phone, person.erased) == ("", "", True)
    with pytest.raises(actions.PersonMissing):
        actions.reveal_person(
            person_id=person_id,
            fields=["name"],
            matter="case:1",
            purpose="核对登记信息",
            by=make.SYSTEM,
        )
    assert actions.remember_person(name="王小明", phone="13812345678", by=make.SYSTEM) != person_id


def test_the_last_of_a_household_takes_its_address_along(keys: Path) -> None:
    make.make_places()
    (home,) = actions.import_households(
        households=[actions.NewHousehold(address="东门路 3 号 402", division_code=make.VILLAGE)],
        by=make.SYSTEM,
    )
    two = actions.import_people(
        people=[
            actions.NewPerson(name=name, household_id=home, residence_division=make.VILLAGE)
            for name in ("王小明", "王大明")
        ],
        by=make.SYSTEM,
    )
    dispatcher = make.make_staff(Role.DISPATCHER)
    for person_id, kept in zip(two, (True, False), strict=True):
        actions.erase_person(person_id=person_id, reason="本人申请删除", by=dispatcher)
        assert (Household.objects.get(pk=home).address is not None) is kept
    left = Person.objects.get(pk=two[0])
    assert (left.household, left.residence_division, left.grid) == (None, None, None)


def test_who_lives_elsewhere_is_not_erased_from_here(keys: Path) -> None:
    make.make_places()
    (person_id,) = actions.import_people(
        people=[actions.NewPerson(name="王小明", residence_division=make.OTHER_VILLAGE)],
        by=make.SYSTEM,
    )
    local = make.make_staff(Role.DISPATCHER, division=make.VILLAGE)
    with pytest.raises(NotAllowed, match="不住在您的辖区"):
        actions.erase_person(person_id=person_id, reason="本人申请删除", by=local)
    assert Person.objects.get(pk=person_id).erased_at is None


def test_the_database_keeps_an_erased_person_empty(keys: Path) -> None:
    person_id = wang()
    with pytest.raises(IntegrityError), transaction.atomic():
        Person.objects.filter(pk=person_id).update(erased_at="2026-11-22T00:00:00Z")


def test_the_database_knows_an_id_number_once(keys: Path) -> None:
    wang()
    index = vault.index("person.id_number", ID_NUMBER, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Person.objects.create(name="另", id_number=ID_NUMBER, id_number_index=index)
    Person.objects.create(name="另")
    Person.objects.create(name="另")


def test_a_register_comes_in_by_copy_and_opens(keys: Path, clerk: Actor) -> None:
    make.make_places()
    households = actions.import_households(
        households=[
            actions.NewHousehold(
                address="东门社区1号", division_code=make.VILLAGE, grid_code=make.GRIDS[0]
            )
        ],
        by=make.SYSTEM,
    )
    ids = actions.import_people(
        people=[
            actions.NewPerson(
                name=f"赵{n}",
                phone=f"1390000{n:04d}",
                household_id=households[0],
                residence_division=make.VILLAGE,
                grid_code=make.GRIDS[0],
                sex="FEMALE",
                is_away=n % 2 == 0,
            )
            for n in range(50)
        ],
        by=make.SYSTEM,
    )
    assert len(set(ids)) == 50
    values = actions.reveal_person(
        person_id=ids[7],
        fields=["name", "phone"],
        matter="case:1",
        purpose="核对登记信息",
        by=clerk,
    )
    assert values == {"name": "赵7", "phone": "13900000007"}
    assert Person.objects.filter(household_id=households[0], is_away=True).count() == 25
