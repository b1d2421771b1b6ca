"""Telling people of an act: the notices a procedure owes, and what of them leaves the platform."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.utils.translation import override

from huying.cases.queries.recipients import ladders, recipients
from huying.cases.queries.wording import outside_words
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.engine import Facts
from huying.cases.rules.procedure import Notice, Procedure
from huying.cases.rules.wording import fill, glance
from huying.directory.permissions import Actor
from huying.notices import actions as notices

LONGEST_TITLE: Final = 200
LONGEST_BODY: Final = 1_000
LONGEST_GLANCE: Final = 240


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
    clock: Ticking | None = None,
    topic: str = "case",
) -> None:
    """Send the notices an act owes, and announce the case to the live queues.

    The procedure's words with `values` are for the inbox. What goes over other channels is made
    of the case's facts alone; `clock` is the one it is about, such as one the act has started.

    One statement for all who are told at once, the announcement with the first of them.
    Whoever acts is not told of the own act. An ordinary notice goes to everybody meant, an
    urgent one to whom it is the turn of, and unread to the next in turn.
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
        label = values.get("label", "")
        outside = outside_words(procedure, facts, now, label=label, clock=clock) if owed else {}
        for notice in owed:
            urgency = _urgency(notice, facts)
            name, rest = glance(str(notice.title), outside)
            seen = notices.Glance(name[:LONGEST_TITLE], rest[:LONGEST_GLANCE])
            for to, then in _in_turn(procedure, notice, urgency, facts, now, requester, by):
                notices.notify(
                    to=to,
                    kind=f"{topic}.{what}",
                    title=fill(str(notice.title), values)[:LONGEST_TITLE],
                    body=fill(str(notice.body), values)[:LONGEST_BODY],
                    glance=seen,
                    link=f"/cases/{facts.id}/",
                    urgency=urgency,
                    subject=f"case:{facts.id}",
                    by=by,
                    escalate_to=then,
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


def _urgency(notice: Notice, facts: Facts) -> str:
    return max(
        notice.urgency,
        "EMERGENCY" if facts.urgency == "EMERGENCY" else "NORMAL",
        key=("NORMAL", "URGENT", "EMERGENCY").index,
    )


def _in_turn(
    procedure: Procedure,
    notice: Notice,
    urgency: str,
    facts: Facts,
    now: datetime,
    requester: int | None,
    by: Actor,
) -> Iterator[tuple[list[int], list[int]]]:
    """Who is told together, and who is told in turn if none of them reads it."""
    open_case = not procedure.is_final(facts.state)
    found = ladders(notice.to, notice.escalate_to, facts, now, requester, open_case=open_case)
    if urgency == "NORMAL":
        # Nobody hears later: so everybody meant now, or whoever comes in their place.
        meant = recipients(notice.to, facts, now, requester) or next((one[0] for one in found), [])
        found = iter([[meant]])
    told = {by.account_id}
    for first, *rest in found:
        to = [account for account in first if account not in told]
        if to:
            told.update(to)
            then = dict.fromkeys(account for turn in rest for account in turn)
            yield to, [account for account in then if account not in told]
