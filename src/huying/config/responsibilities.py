"""The county's table of responsibilities (责任清单), read from the CSV its office keeps.

    类别,区划,主办单位,协办单位,依据
    STREET_LIGHT,,城管局,,《县城管局权责清单》第12项
    WATER_POLLUTION,990101001,城关镇,水利局、生态环境局,

类别 is a category's code or name; 区划 a division code, with or without the zeros below its level,
and empty for the whole county; units are given by code, name or short name.
"""

import csv
import io
from pathlib import Path

from huying.cases import actions, queries
from huying.directory import queries as directory
from huying.directory.permissions import Actor, DomainError

LENGTHS = {"COUNTY": 6, "TOWNSHIP": 9, "VILLAGE": 12}
COLUMNS = ("类别", "区划", "主办单位", "协办单位", "依据")


class TableRefused(DomainError):
    """Lines that cannot be used; every one is named, and nothing was changed."""

    code = "TABLE_REFUSED"
    status = 422


def load(path: Path, *, by: Actor) -> int:
    """Put the lines of the file in place; returns how many. Raises `TableRefused`."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")  # as WPS and Excel save it
    table = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS[:3] if name not in (table.fieldnames or ())]
    if missing:
        raise TableRefused(
            zh=f"首行缺少：{'、'.join(missing)}。首行应为：{','.join(COLUMNS)}",
            en=f"The first line lacks {', '.join(missing)}; it should be {','.join(COLUMNS)}",
        )
    categories = {key: one.code for one in queries.categories() for key in (one.code, one.name)}
    units = {
        key: one.id
        for one in directory.organisations()
        for key in (one.code, one.name, one.short_name)
        if key
    }
    # A division is named by its whole code or by what is left without the zeros.
    prefixes = {"": ""}
    for division in directory.divisions():
        prefix = division.code[: LENGTHS[division.kind]]
        prefixes |= {division.code: prefix, prefix: prefix}
    rules: list[actions.NewResponsibility] = []
    wrong: list[tuple[int, str]] = []
    for row in table:
        cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
        assisting = [name for name in cells["协办单位"].split("、") if name]
        unknown = [name for name in (cells["主办单位"], *assisting) if name not in units]
        if cells["类别"] not in categories:
            unknown.insert(0, cells["类别"])
        if cells["区划"] not in prefixes:
            unknown.append(cells["区划"])
        if unknown:
            wrong.append((table.line_num, "、".join(name or "（空）" for name in unknown)))
            continue
        rules.append(
            actions.NewResponsibility(
                category=categories[cells["类别"]],
                division_prefix=prefixes[cells["区划"]],
                organisation_id=units[cells["主办单位"]],
                assisting_ids=tuple(units[name] for name in assisting),
                source=cells["依据"],
            )
        )
    if wrong:
        raise TableRefused(
            zh="没有导入任何一行，请改正："
            + "；".join(f"第 {line} 行找不到 {names}" for line, names in wrong[:20]),
            en="Nothing was imported; correct "
            + "; ".join(f"line {line}: unknown {names}" for line, names in wrong[:20]),
        )
    return actions.set_responsibilities(rules=rules, by=by)
