"""A register of residents (人口底册), read from the CSV an office exports.

    户号,姓名,身份证号,电话,户籍地,居住地,住址,网格,外出
    0123,李梅,110105…,139…,990101001001,东门社区,幸福路 8 号,990101001001001,否

户籍地 and 居住地 are a division's code or name, 外地 for a place outside the county; 网格 is the
grid's code of 15 digits. The first three columns are required, the others may be missing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from django.utils import timezone

from huying.directory import actions
from huying.directory import queries as directory
from huying.directory.permissions import Actor, DomainError
from huying.directory.rules.registers import (
    COLUMNS,
    NotARegister,
    RegisterLine,
    WrongLine,
    read_register,
)

MOST_SHOWN = 20


class RegisterRefused(DomainError):
    """A file that cannot be used; the first wrong lines are named, and nothing was changed."""

    code = "REGISTER_REFUSED"
    status = 422


def load(
    path: Path, *, by: Actor, progress: Callable[[int], None] = lambda _done: None
) -> actions.RegisterImported:
    """Put the file's residents in place. Raises `RegisterRefused` and changes nothing.

    Read twice, line by line: once to find every fault, once to seal and copy."""
    encoding = _encoding(path)
    wrong: list[WrongLine] = []
    lines = faults = 0
    try:
        for line in _read(path, encoding):
            lines += 1
            if isinstance(line, WrongLine):
                faults += 1
                if len(wrong) < MOST_SHOWN:
                    wrong.append(line)
    except NotARegister as error:
        raise RegisterRefused(
            f"首行缺少：{'、'.join(error.missing)}。首行应为：{','.join(COLUMNS)}",
            f"The first line lacks {', '.join(error.missing)}; it should be {','.join(COLUMNS)}",
        ) from None
    if wrong or not lines:
        raise RegisterRefused(
            f"没有导入任何一人，{faults} 行有问题："
            + "；".join(f"第 {one.line} 行{one.zh}" for one in wrong)
            if wrong
            else "文件里没有居民。",
            f"Nobody was imported, {faults} lines are wrong: "
            + "; ".join(f"line {one.line}: {one.en}" for one in wrong)
            if wrong
            else "The file holds no residents.",
        )
    sound = (line for line in _read(path, encoding) if isinstance(line, RegisterLine))
    return actions.import_register(lines=sound, source=path.name, by=by, progress=progress)


def _encoding(path: Path) -> str:
    """UTF-8, or GB 18030 as WPS and Excel save it."""
    with path.open(encoding="utf-8-sig") as text:
        try:
            while text.read(1 << 20):
                pass
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8-sig"


def _read(path: Path, encoding: str) -> Iterator[RegisterLine | WrongLine]:
    places: dict[str, str] = {}
    twice: set[str] = set()
    for division in directory.divisions():
        places[division.code] = division.code
        if division.name in places:
            twice.add(division.name)
        places[division.name] = division.code
    for name in twice:
        del places[name]
    with path.open(encoding=encoding, errors="replace", newline="") as text:
        yield from read_register(
            text,
            divisions=places,
            grids={grid.code for grid in directory.grids()},
            on=timezone.localdate(),
        )
