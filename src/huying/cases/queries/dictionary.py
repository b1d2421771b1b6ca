"""Categories and who answers for what, kept in the process for a few seconds."""

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q
from django.utils import timezone

from huying.cases.models import Category, ResponsibilityRule
from huying.cases.queries.results import CategoryView
from huying.cases.rules.responsibility import Rule, rule_for
from huying.cases.rules.wording import english

T = TypeVar("T")
KEPT_SECONDS: Final = 5.0


class Kept(Generic[T]):
    """What `load` returned, for at most KEPT_SECONDS."""

    def __init__(self, load: Callable[[], T]) -> None:
        self.load = load
        self._lock = threading.Lock()
        self._value: tuple[float, T] | None = None

    def __call__(self) -> T:
        value = self._value
        if value is not None and time.monotonic() - value[0] < KEPT_SECONDS:
            return value[1]
        with self._lock:
            self._value = (time.monotonic(), self.load())
            return self._value[1]

    def forget(self) -> None:
        self._value = None


def _load_categories() -> dict[str, Category]:
    rows = Category.objects.filter(active=True).select_related("parent")
    return {row.code: row for row in rows.order_by("parent__position", "position", "code")}


def _load_rules() -> list[Rule]:
    rows = (
        ResponsibilityRule.objects.filter(ResponsibilityRule.in_force(timezone.localdate()))
        .annotate(helpers=ArrayAgg("assisting", filter=Q(assisting__isnull=False), default=[]))
        .order_by("id")
    )
    return [
        Rule(
            category=row.category_id,
            division_prefix=row.division_prefix,
            organisation_id=row.organisation_id,
            assisting_ids=tuple(row.helpers),
            urgency=row.urgency,
            source=row.source,
        )
        for row in rows
    ]


_categories = Kept(_load_categories)
_rules = Kept(_load_rules)


def forget_dictionary() -> None:
    """Read categories and rules again when next asked."""
    _categories.forget()
    _rules.forget()


def category(code: str) -> Category | None:
    """An active category."""
    return _categories().get(code)


def category_name(code: str) -> str:
    """What people read for a code; "" for none, the code itself for one no longer there."""
    found = _categories().get(code)
    if found is None:
        return code
    return found.name_en if english() and found.name_en else found.name


def categories() -> list[CategoryView]:
    """The categories a person may choose: active ones that have none below them."""
    rows = _categories()
    parents = {row.parent_id for row in rows.values()}
    return [
        CategoryView(
            code=row.code,
            name=category_name(row.code),
            description=(
                row.description_en if english() and row.description_en else row.description
            ),
            parent=row.parent_id or "",
            parent_name=category_name(row.parent_id or ""),
            kind=row.kind,
            keywords=tuple(row.keywords.split()),
        )
        for row in rows.values()
        if row.code not in parents
    ]


def responsible(category_code: str, division_code: str) -> Rule | None:
    """The rule that says who answers for this category here; None = a dispatcher decides."""
    if not category_code:
        return None
    return rule_for(_rules(), category_code, division_code)
