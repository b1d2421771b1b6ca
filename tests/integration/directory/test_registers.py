"""A register of residents goes into the vault, again and again, or not at all."""

from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection

from huying.config import registers
from huying.directory import actions, queries
from huying.directory.models import Household, Person
from huying.directory.permissions import Actor, Role
from huying.ledger.models import Record
from tests.factories.directory import GRIDS, VILLAGE, make_places, make_staff

pytestmark = pytest.mark.django_db

BY = Actor.system("operator")
HEAD = "户号,姓名,身份证号,电话,户籍地,居住地,住址,网格,外出"
MOTHER = f"8,李梅,11010519491231002X,13900000001,{VILLAGE},{VILLAGE},幸福路 8 号,{GRIDS[0]},否"
SON = f"8,李强,440524188001010014,,{VILLAGE},{VILLAGE},幸福路 8 号,{GRIDS[0]},是"


@pytest.fixture
def load(tmp_path: Path) -> Any:
    make_places()

    def load(*lines: str, encoding: str = "utf-8") -> actions.RegisterImported:
        path = tmp_path / "底册.csv"
        path.write_text("\r\n".join((HEAD, *lines)), encoding=encoding)
        return registers.load(path, by=BY)

    return load


def test_residents_go_into_the_vault_with_their_household(load: Any) -> None:
    assert load(MOTHER, SON) == actions.RegisterImported(households=1, new=2, known=0)
    household = Household.objects.get()
    assert str(household.address) != "幸福路 8 号", "sealed"
    mother, son = Person.objects.order_by("birth_date").reverse()
    assert {mother.household_id, son.household_id} == {household.pk}
    assert (mother.sex, mother.grid_id, mother.is_away) == ("FEMALE", GRIDS[0], False)
    assert (son.sex, son.is_away) == ("MALE", True)
    assert mother.name is not None
    assert mother.name.open() == "李梅"
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM directory_person, directory_household")
        assert "李梅".encode() not in repr(cursor.fetchall()).encode()


def test_the_same_register_again_adds_nobody_and_a_new_one_brings_them_up_to_date(
    load: Any,
) -> None:
    load(MOTHER, SON)
    assert load(MOTHER, SON) == actions.RegisterImported(households=1, new=0, known=2)
    assert load(SON.replace("幸福路 8 号", "新城路 1 号").replace("是", "否")).known == 1
    son = Person.objects.get(birth_date="1880-01-01")
    assert not son.is_away
    assert son.address is not None
    assert son.address.open() == "新城路 1 号"
    assert Person.objects.count() == 2
    assert Household.objects.count() == 1


def test_a_resident_known_by_the_id_number_is_the_same_person(load: Any) -> None:
    known = actions.remember_person(
        name="李梅", id_number="11010519491231002X", phone="13911111111", by=BY
    )
    load(MOTHER.replace("13900000001", ""))
    person = Person.objects.get()
    assert person.pk == known
    assert person.phone is not None
    assert person.phone.open() == "13911111111", "a register without a telephone takes none away"
    assert [one.id for one in queries.find_people(phone="13911111111", by=BY)] == [known]


def test_whoever_was_erased_is_not_brought_back(load: Any) -> None:
    load(MOTHER, SON)
    mother = Person.objects.get(sex="FEMALE")
    by = make_staff(Role.DISPATCHER)
    actions.erase_person(person_id=mother.pk, reason="本人书面申请删除", by=by)
    assert load(MOTHER, SON) == actions.RegisterImported(households=1, new=0, known=1, erased=1)
    assert Person.objects.filter(erased_at__isnull=True).count() == 1
    mother.refresh_from_db()
    assert (mother.name, mother.id_number_index) == (None, None)
    # Whoever comes back by themselves and is erased again is still passed over.
    again = actions.remember_person(name="李梅", id_number="11010519491231002X", by=BY)
    assert again is not None
    actions.erase_person(person_id=again, reason="本人书面申请删除", by=by)
    assert load(MOTHER).erased == 1


def test_one_wrong_line_and_nobody_is_imported(load: Any) -> None:
    with pytest.raises(registers.RegisterRefused) as refused:
        load(MOTHER, SON.replace("440524188001010014", "440524188001010015"))
    assert "第 3 行身份证号不对" in refused.value.zh
    assert "440524" not in refused.value.zh + refused.value.en
    assert not Person.objects.exists()


def test_as_an_office_program_saves_it(load: Any) -> None:
    assert load(MOTHER, encoding="gb18030").new == 1
    name = Person.objects.get().name
    assert name is not None
    assert name.open() == "李梅"


def test_broken_in_the_middle_nothing_happened(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_kwargs: object) -> int:
        raise IntegrityError("no ledger")

    monkeypatch.setattr("huying.directory.actions.registers.record", broken)
    with pytest.raises(IntegrityError):
        load(MOTHER)
    assert not Person.objects.exists()
    assert not Household.objects.exists()


def test_the_ledger_knows_how_many_and_nobody(load: Any) -> None:
    load(MOTHER, SON)
    entry = bytes(Record.objects.get(kind="register.imported").entry).decode()
    assert '"new":2' in entry
    assert "李" not in entry
