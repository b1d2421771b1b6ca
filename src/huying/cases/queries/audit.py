"""The auditor's list: acts with their proofs, and a sample anybody can draw again."""

import random
from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from huying.cases.models import Act
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.results import AuditFilters, AuditRow, Page
from huying.cases.queries.rows import cursor_of, keys_of, state_label
from huying.cases.queries.wording import unit_name
from huying.cases.rules.engine import label_of
from huying.cases.rules.procedure import START
from huying.directory.permissions import Actor, Permission

LARGEST_PAGE: Final = 200
LARGEST_POPULATION: Final = 200_000


def audit_list(
    actor: Actor,
    filters: AuditFilters | None = None,
    cursor: str | None = None,
    limit: int = 50,
    sample: int | None = None,
    seed: str = "",
) -> Page[AuditRow]:
    """Acts, newest first, of the territory the actor audits. Needs LEDGER_AUDIT.

    With `sample` that many are drawn at random from those that fit the filters (the newest
    200,000 of them); the same seed over the same acts draws the same ones.
    """
    actor.require(Permission.LEDGER_AUDIT)
    acts = _narrowed(Act.objects.auditable_by(actor), filters or AuditFilters())
    if sample is not None:
        population = list(acts.order_by("-id").values_list("pk", flat=True)[:LARGEST_POPULATION])
        count = min(sample, len(population), LARGEST_PAGE)
        # Drawn again by whoever has the seed; nothing secret depends on it.
        drawn = random.Random(f"huying audit {seed}").sample(population, count)  # noqa: S311 - must be repeatable
        return Page(_rows(Act.objects.filter(pk__in=drawn).order_by("-id")), None)
    limit = max(1, min(limit, LARGEST_PAGE))
    if cursor:
        (last,) = keys_of(cursor, 1)
        acts = acts.filter(pk__lt=last)
    rows = _rows(acts.order_by("-id")[: limit + 1])
    if len(rows) <= limit:
        return Page(rows, None)
    rows = rows[:limit]
    return Page(rows, cursor_of(rows[-1].act_id))


def _narrowed(acts: "QuerySet[Act]", filters: AuditFilters) -> "QuerySet[Act]":
    for name, value in (
        ("case__number", filters.case_number.strip()),
        ("account", filters.account),
        ("actor_ref", filters.actor_ref),
        ("action", filters.action),
        ("organisation", filters.unit),
        ("case__procedure", filters.procedure),
        ("at__gte", filters.since),
        ("at__lt", filters.until),
    ):
        if value:
            acts = acts.filter(**{name: value})
    if filters.accounts is not None:
        acts = acts.filter(account__in=list(filters.accounts))
    return acts


def _rows(acts: "QuerySet[Act]") -> list[AuditRow]:
    found = []
    for row in acts.values(
        "id",
        "case_id",
        "case__number",
        "case__title",
        "case__procedure",
        "case__procedure_version",
        "seq",
        "action",
        "from_state",
        "to_state",
        "actor_kind",
        "actor_name",
        "actor_ref",
        "organisation_id",
        "at",
        "note",
        "record_id",
    ):
        procedure = procedure_of(row["case__procedure"], row["case__procedure_version"])
        start = row["from_state"] == START
        found.append(
            AuditRow(
                act_id=row["id"],
                case_id=row["case_id"],
                case_number=row["case__number"],
                case_title=row["case__title"],
                procedure_label=str(procedure.name),
                seq=row["seq"],
                action=row["action"],
                label=str(label_of(procedure, row["action"])),
                from_label=_("开始") if start else state_label(procedure, row["from_state"]),
                to_label=state_label(procedure, row["to_state"]),
                actor_kind=row["actor_kind"],
                actor_name=row["actor_name"],
                actor_ref=row["actor_ref"],
                organisation_name=unit_name(row["organisation_id"]),
                at=row["at"],
                note=row["note"],
                record_id=row["record_id"],
            )
        )
    return found
