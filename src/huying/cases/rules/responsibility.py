"""Who answers for what, where: the longest territory of the category decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

COLUMNS: Final = ("类别", "区划", "主办单位", "协办单位", "依据", "紧急程度", "停用日期")
"""The first line of the table as offices keep it, in CSV. The first three cannot be left out."""
NEEDED: Final = COLUMNS[:3]
PREFIX_LENGTHS: Final = {"COUNTY": 6, "TOWNSHIP": 9, "VILLAGE": 12}
"""Digits of a territory of each kind of division."""
BETWEEN_UNITS: Final = "、"


def unit_cell(code: str, name: str) -> str:
    """A unit in the table: the code that is its own, and a name to read."""
    return f"{code} {name}".strip()


@dataclass(frozen=True, slots=True)
class Rule:
    category: str
    division_prefix: str
    organisation_id: int
    assisting_ids: tuple[int, ...]
    urgency: str
    source: str


def rule_for(rules: Iterable[Rule], category: str, division_code: str) -> Rule | None:
    """The rule for this matter, or None: then a dispatcher decides.

    None as well where two rules are equally near, since the machine does not guess.
    """
    matching = [
        rule
        for rule in rules
        if rule.category == category and division_code.startswith(rule.division_prefix)
    ]
    if not matching:
        return None
    longest = max(len(rule.division_prefix) for rule in matching)
    nearest = [rule for rule in matching if len(rule.division_prefix) == longest]
    return nearest[0] if len(nearest) == 1 else None
