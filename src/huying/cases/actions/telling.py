"""Telling people of an act: the notices a procedure owes, in its words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from django.utils.translation import override

from huying.cases.queries.recipients import recipients
from huying.cases.rules.engine import Facts
from huying.cases.rules.procedure import Notice, Procedure
from huying.cases.rules.wording import fill
from huying.directory.permissions import Actor
from huying.notices import actions as notices

LONGEST_TITLE: Final = 200
LONGEST_BODY: Final = 1_000
# Not every case has assisting units, and not every act somebody who asked for it.
RIGHTLY_NOBODY: Final = frozenset({"assisting_officers", "requester"})


def tell(
    procedure: Procedure,
    facts: Facts,
    owed: Sequence[Notice],
    what: str,
    values: Mapping[str, str],
    *,
    by: Actor,
    now: datetime,
    requester: int | None = None,
    topic: str = "case",
) -> None:
    """Send the notices an act owes, and announce the case to the live queues.

    One statement a notice, the announcement with the first of them. Whoever acts is not
    told of the own act.
    """
    lead = facts.lead_organisation_id
    units = sorted(facts.assisting_ids | ({lead} if lead else set()))
    news: notices.CaseNews | None = notices.CaseNews(
        facts.id,
        facts.number,
        facts.state,
        facts.division_code,
        tuple(units),
        facts.grid_code or "",
    )
    with override("zh-hans"):
        for notice in owed:
            meant = recipients(notice.to, facts, now, requester) or _instead(
                procedure, notice, facts, now, requester
            )
            to = [account for account in meant if account != by.account_id]
            if not to:
                continue
            notices.notify(
                to=to,
                kind=f"{topic}.{what}",
                title=fill(str(notice.title), values)[:LONGEST_TITLE],
                body=fill(str(notice.body), values)[:LONGEST_BODY],
                link=f"/cases/{facts.id}/",
                urgency=max(
                    notice.urgency,
                    "EMERGENCY" if facts.urgency == "EMERGENCY" else "NORMAL",
                    key=("NORMAL", "URGENT", "EMERGENCY").index,
                ),
                subject=f"case:{facts.id}",
                by=by,
                escalate_to=recipients(notice.escalate_to, facts, now, requester),
                case=news,
            )
            news = None
    if news is not None:
        notices.announce_case(
            case_id=facts.id,
            division_code=facts.division_code,
            organisation_ids=units,
            state=facts.state,
            number=facts.number,
            grid_code=facts.grid_code or "",
        )


def _instead(
    procedure: Procedure, notice: Notice, facts: Facts, now: datetime, requester: int | None
) -> list[int]:
    """Who is told of an open case where nobody holds the post meant: in the end a dispatcher."""
    if procedure.is_final(facts.state) or RIGHTLY_NOBODY.issuperset(notice.to):
        return []
    return recipients(notice.escalate_to, facts, now, requester) or recipients(
        ["dispatchers"], facts, now
    )
