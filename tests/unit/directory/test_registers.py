"""The lines of a register: what is taken, and what is said of what is not."""

from datetime import date

import pytest

from huying.directory.rules.registers import (
    NotARegister,
    RegisterLine,
    WrongLine,
    read_register,
)

HEAD = "户号,姓名,身份证号,电话,户籍地,居住地,住址,网格,外出"
DIVISIONS = {"990101001001": "990101001001", "东门社区": "990101001001"}
GRIDS = {"990101001001001"}
TODAY = date(2026, 11, 27)


def read(*lines: str) -> list[RegisterLine | WrongLine]:
    return list(read_register(lines, divisions=DIVISIONS, grids=GRIDS, on=TODAY))


def test_a_line_says_who_where_and_what_the_number_says() -> None:
    (found,) = read(
        HEAD,
        "8,李梅,11010519491231002x,13900000001,外地,东门社区,幸福路 8 号,990101001001001,是",
        ",,,,,,,,",
    )
    assert found == RegisterLine(
        household="8",
        name="李梅",
        id_number="11010519491231002X",
        phone="13900000001",
        registered_division=None,
        residence_division="990101001001",
        address="幸福路 8 号",
        grid_code="990101001001001",
        is_away=True,
        sex="FEMALE",
        birth_date=date(1949, 12, 31),
    )


def test_three_columns_are_enough_and_their_order_is_free() -> None:
    (found,) = read("姓名,户号,身份证号", "李梅,8,11010519491231002X")
    assert isinstance(found, RegisterLine)
    assert (found.phone, found.residence_division, found.is_away) == ("", None, False)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("8,,11010519491231002X,,,,,,", "没有姓名"),
        ("8,李梅,110105194912310021,,,,,,", "身份证号不对"),
        ("8,李梅,,,,,,,", "身份证号不对"),
        ("8,李梅,11010519491231002X,,,西门社区,,,", "找不到居住地"),
        ("8,李梅,11010519491231002X,,西门社区,,,,", "找不到户籍地"),
        ("8,李梅,11010519491231002X,,,,,990101001001009,", "没有这个网格"),
        ("8,李梅,11010519491231002X,,,,,,也许", "“外出”请填是或否"),
    ],
)
def test_a_wrong_line_is_named_without_its_values(line: str, says: str) -> None:
    (found,) = read(HEAD, line)
    assert isinstance(found, WrongLine)
    assert (found.line, found.zh) == (2, says)
    assert "李梅" not in found.zh + found.en


def test_another_table_is_no_register() -> None:
    with pytest.raises(NotARegister) as refused:
        read("姓名,电话", "李梅,1")
    assert refused.value.missing == ["户号", "身份证号"]
