"""An officer leaves: each open case gets another officer by an act of its own, sealed and told."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import override

from huying.cases.actions.noting import noted
from huying.cases.models import Case
from huying.cases.queries import wording
from huying.cases.queries.facts import CaseRecord, case_records
from huying.cases.queries.recipients import forget_recipients
from huying.directory import queries as directory
from huying.directory.permissions import Actor, Role
from huying.notices import actions as notices


def hand_over_cases(*, account_id: int, by: Actor, now: datetime | None = None) -> int:
    """The open cases of an officer who may no longer handle them go to whoever goes on in the
    unit; how many. Their clocks run on.

    Where the unit has nobody left the case is the unit's without an officer, as before it was
    taken, and the dispatchers hear of it.
    """
    now = now or timezone.now()
    with transaction.atomic():
        forget_recipients()
        held = Case.objects.open().filter(officer=account_id).order_by("id")
        by_unit: dict[int, list[CaseRecord]] = defaultdict(list)
        for record in case_records(list(held.values_list("pk", flat=True)), lock=True):
            unit = record.facts.lead_organisation_id
            if record.facts.officer_id == account_id and unit is not None:
                by_unit[unit].append(record)
        moved = 0
        for unit, records in by_unit.items():
            if directory.may_handle_in(account_id, unit):
                continue
            _hand_over(records, unit, account_id, by, now)
            moved += len(records)
    return moved


def _hand_over(
    records: list[CaseRecord], unit: int, account_id: int, by: Actor, now: datetime
) -> None:
    heir = directory.takes_over(unit, now, besides=account_id)
    names = directory.account_names([account_id, *filter(None, [heir])])
    left = names.get(account_id, "")
    name = wording.unit_name(unit)
    with override("zh-hans"):
        if heir is None:
            note = f"{left}离岗，{name}暂无人接办"
            title = f"{name}有 {len(records)} 件在办事项无人接办"
            body = f"原经办人{left}已离岗，单位没有其他经办人或负责人。请改派，或请单位补齐人员。"
        else:
            note = f"{left}离岗，移交{names[heir]}接办"
            title = f"{len(records)} 件在办事项移交给您"
            body = f"原经办人{left}已离岗，由您接办。各项时限照原来的走。"
    for record in records:
        noted(
            record,
            "hand_over",
            by,
            now,
            data={"from": account_id, "to": heir},
            note=note,
            facts=replace(record.facts, officer_id=heir),
        )
    to = [heir] if heir else _dispatchers(records)
    if to:
        notices.notify(
            to=to,
            kind="case.handed_over",
            title=title,
            body=body,
            glance=notices.Glance(title, body),
            link="/desk/?mine=1" if heir else f"/desk/?unit={unit}",
            urgency="URGENT",
            subject=f"account:{account_id}",
            by=by,
        )


def _dispatchers(records: list[CaseRecord]) -> list[int]:
    found = (
        account
        for division in {record.facts.division_code for record in records}
        for account in directory.holders_of(Role.DISPATCHER, division_code=division)
    )
    return sorted(set(found))
