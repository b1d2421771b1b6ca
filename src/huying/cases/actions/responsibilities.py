"""The table of responsibilities (责任清单): category × territory → organisation.

    类别,区划,主办单位,协办单位,依据,紧急程度,停用日期
    STREET_LIGHT,,城管局,,《县城管局权责清单》第12项,,
    WATER_POLLUTION,990101001,城关镇,水利局、生态环境局,,紧急,2027-01-01

类别 is a category's code or name; 区划 a division code, with or without the zeros below its level,
and empty for the whole county; units are given by code, by code and name (`D012 城管局`, as they
are written out), or by a name or short name no other unit has; the last four columns may be
left out.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import transaction
from django.utils.translation import override

from huying.cases.models import ResponsibilityRule
from huying.cases.queries.dictionary import categories, forget_dictionary
from huying.cases.rules.responsibility import (
    BETWEEN_UNITS,
    COLUMNS,
    NEEDED,
    PREFIX_LENGTHS,
    unit_cell,
)
from huying.cases.rules.vocabulary import Urgency
from huying.directory import queries as directory
from huying.directory.permissions import Actor, DomainError, Permission
from huying.ledger import actions as ledger

_MOST_NAMED: Final = 50
_LONGEST_SOURCE: Final = 200


class TableRefused(DomainError):
    """Lines that cannot be used; every one is named, and nothing was changed."""

    code = "TABLE_REFUSED"
    status = 422

    def __init__(self, wrong: Sequence[tuple[str, str]]) -> None:
        self.wrong = list(wrong[:_MOST_NAMED])  # in Chinese and in English
        super().__init__(
            "没有导入任何一行，请改正：" + "；".join(zh for zh, _en in self.wrong),
            "Nothing was imported; correct " + "; ".join(en for _zh, en in self.wrong),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewResponsibility:
    """`division_prefix` "" = the whole county; the longest prefix that matches decides.

    `source` names the list of duties it comes from (权责清单, 履职事项清单). `end_date` is the
    first day on which it no longer decides.
    """

    category: str
    organisation_id: int
    division_prefix: str = ""
    assisting_ids: tuple[int, ...] = ()
    urgency: str = "NORMAL"
    source: str = ""
    end_date: date | None = None


def set_responsibilities(*, rules: Sequence[NewResponsibility], by: Actor) -> int:
    """Put rules in place; one of the same category and territory is replaced. All or none."""
    by.require(Permission.DIRECTORY_MANAGE)
    with transaction.atomic():
        rows = ResponsibilityRule.objects.bulk_create(
            [
                ResponsibilityRule(
                    category_id=one.category,
                    division_prefix=one.division_prefix,
                    organisation_id=one.organisation_id,
                    urgency=one.urgency,
                    source=one.source,
                    end_date=one.end_date,
                )
                for one in rules
            ],
            update_conflicts=True,
            unique_fields=["category", "division_prefix"],
            update_fields=["organisation", "urgency", "source", "end_date"],
        )
        helpers = ResponsibilityRule.assisting.through
        helpers.objects.filter(responsibilityrule__in=[row.pk for row in rows]).delete()
        helpers.objects.bulk_create(
            helpers(responsibilityrule_id=row.pk, organisation_id=unit)
            for row, one in zip(rows, rules, strict=True)
            for unit in one.assisting_ids
        )
        ledger.record(
            kind="responsibility.set",
            subject="responsibilities",
            by=by.ref,
            body={
                "rules": [
                    [
                        one.category,
                        one.division_prefix,
                        one.organisation_id,
                        sorted(one.assisting_ids),
                        one.urgency,
                        one.end_date.isoformat() if one.end_date else "",
                    ]
                    for one in rules
                ]
            },
        )
    forget_dictionary()
    return len(rows)


def read_responsibilities(text: str) -> list[NewResponsibility]:
    """The lines of a table in CSV. Raises `TableRefused` with all that is wrong in it."""
    table = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in NEEDED if name not in (table.fieldnames or ())]
    if missing:
        raise TableRefused(
            [
                (
                    f"首行缺少：{'、'.join(missing)}。首行应为：{','.join(COLUMNS)}",
                    f"the first line lacks {', '.join(missing)}; it is {','.join(COLUMNS)}",
                )
            ]
        )
    names = _Names()
    rules: dict[tuple[str, str], tuple[int, NewResponsibility]] = {}
    wrong: list[tuple[str, str]] = []
    for row in table:
        line = table.line_num
        rule, zh, en = names.read({name: (row.get(name) or "").strip() for name in COLUMNS})
        if rule is None:
            wrong.append((f"第 {line} 行{zh}", f"line {line}: {en}"))
            continue
        earlier = rules.setdefault((rule.category, rule.division_prefix), (line, rule))[0]
        if earlier != line:
            wrong.append(
                (
                    f"第 {line} 行与第 {earlier} 行的类别和区划相同",
                    f"line {line}: the same category and territory as line {earlier}",
                )
            )
    if wrong:
        raise TableRefused(wrong)
    if not rules:
        raise TableRefused([("文件里没有数据", "the file holds no lines")])
    return [rule for _line, rule in rules.values()]


class _Names:
    """What the cells of a line may say."""

    def __init__(self) -> None:
        self.categories: dict[str, str] = {}
        for language in ("en", "zh-hans"):
            with override(language):
                for one in categories():
                    self.categories |= {one.code: one.code, one.name: one.code}
        self.units: dict[str, int] = {}
        self.shared: dict[str, list[str]] = {}  # names of several units, each as it is written
        known = directory.organisations()
        named: defaultdict[str, dict[int, str]] = defaultdict(dict)
        for unit in known:
            for name in (unit.name, unit.short_name):
                named[name][unit.id] = unit_cell(unit.code, unit.short_name)
        for name, units in named.items():
            if len(units) == 1:
                self.units |= dict.fromkeys([name], *units)
            else:
                self.shared[name] = sorted(units.values())
        for unit in known:
            self.shared.pop(unit.code, None)
            cells = (unit_cell(unit.code, name) for name in ("", unit.name, unit.short_name))
            self.units |= dict.fromkeys(cells, unit.id)
        self.units.pop("", None)
        # A division is named by its whole code or by what is left without the zeros.
        self.prefixes = {"": ""}
        for division in directory.divisions():
            prefix = division.code[: PREFIX_LENGTHS[division.kind]]
            self.prefixes |= {division.code: prefix, prefix: prefix}
        self.urgencies = {"": Urgency.NORMAL.value}
        with override("zh-hans"):
            for urgency in Urgency:
                self.urgencies |= {urgency.value: urgency.value, str(urgency.label): urgency.value}

    def read(self, cells: Mapping[str, str]) -> tuple[NewResponsibility | None, str, str]:
        """The rule of a line, or None and what is wrong with it in Chinese and English."""
        assisting = [name for name in cells["协办单位"].split(BETWEEN_UNITS) if name]
        said: list[tuple[str, Mapping[str, str | int]]] = [
            (cells["类别"], self.categories),
            (cells["区划"], self.prefixes),
            *((name, self.units) for name in (cells["主办单位"], *assisting)),
            (cells["紧急程度"], self.urgencies),
        ]
        for name in (cells["主办单位"], *assisting):
            if name in self.shared:
                which = BETWEEN_UNITS.join(self.shared[name])
                return (
                    None,
                    f"的“{name}”不止一个单位，请写明代码：{which}",
                    f"{name} is several units; write which: {which}",
                )
        unknown = [name or "（空）" for name, known in said if name not in known]
        if unknown:
            return None, f"找不到 {'、'.join(unknown)}", f"unknown {', '.join(unknown)}"
        try:
            ends = date.fromisoformat(cells["停用日期"]) if cells["停用日期"] else None
        except ValueError:
            return (
                None,
                f"的停用日期“{cells['停用日期']}”应写成 2027-01-01",
                f"the end date {cells['停用日期']} should look like 2027-01-01",
            )
        if len(cells["依据"]) > _LONGEST_SOURCE:
            return (
                None,
                f"的依据超过 {_LONGEST_SOURCE} 字",
                f"source over {_LONGEST_SOURCE}",
            )
        rule = NewResponsibility(
            category=self.categories[cells["类别"]],
            division_prefix=self.prefixes[cells["区划"]],
            organisation_id=self.units[cells["主办单位"]],
            assisting_ids=tuple(dict.fromkeys(self.units[name] for name in assisting)),
            urgency=self.urgencies[cells["紧急程度"]],
            source=cells["依据"],
            end_date=ends,
        )
        return rule, "", ""
