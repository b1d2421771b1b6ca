"""When a notice rings, is repeated, is passed on, or is given up. The clock is passed in."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from huying.notices.rules.parameters import Parameters, Retry
from huying.notices.rules.vocabulary import (
    EXTERNAL_CHANNELS,
    ChannelCode,
    EscalationStep,
    Urgency,
)


def quiet_until(local_now: datetime, starts: time, ends: time) -> datetime | None:
    """When the quiet hours running at `local_now` end, or None where none run.

    `local_now` is aware, in the county's time zone; the period is half-open and may pass
    midnight (22:00–07:00). Equal ends mean no quiet hours.
    """
    if starts == ends:
        return None
    now = local_now.timetz().replace(tzinfo=None)
    inside = starts <= now < ends if starts < ends else (now >= starts or now < ends)
    if not inside:
        return None
    end = local_now.replace(
        hour=ends.hour, minute=ends.minute, second=ends.second, microsecond=ends.microsecond
    )
    return end if now < ends else end + timedelta(days=1)


def ring_at(
    local_now: datetime,
    urgency: Urgency,
    quiet: tuple[time, time] | None,
    parameters: Parameters,
) -> datetime:
    """The moment a channel outside the inbox may ring: now, or when the quiet hours end."""
    if quiet is None or urgency in parameters.ring_in_quiet_hours:
        return local_now
    return quiet_until(local_now, *quiet) or local_now


def retry_after(attempts: int, retry: Retry, jitter: float) -> timedelta | None:
    """The wait after failure number `attempts` (from 1), or None to give up.

    Exponential, capped; `jitter` in [0, 1) spreads the wait over its upper half, so that what
    failed together does not come back together.
    """
    if attempts >= retry.attempts:
        return None
    minutes = min(
        retry.first_minutes * retry.factor ** (attempts - 1), float(retry.longest_minutes)
    )
    return timedelta(minutes=minutes * (0.5 + jitter / 2))


def escalate_after(urgency: Urgency, steps_taken: int, parameters: Parameters) -> timedelta | None:
    """How long a notice may stay unread before the step after `steps_taken`; None: for ever."""
    minutes = parameters.escalate_after_minutes.get(urgency)
    if not minutes:
        return None
    return timedelta(minutes=minutes[min(steps_taken, len(minutes) - 1)])


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about an unread notice; `channel` with NEXT_CHANNEL, `account_id` with
    NEXT_PERSON and `then` the people left after that one."""

    kind: EscalationStep
    channel: ChannelCode | None = None
    account_id: int | None = None
    then: tuple[int, ...] = ()


def next_step(
    *,
    used: Collection[ChannelCode],
    reachable: Collection[ChannelCode],
    is_quiet: bool,
    people_left: Sequence[int],
) -> Step:
    """The next step for a notice still unread.

    First another channel the person can be reached through and that was not used (`used`,
    `reachable`), unless the person is in quiet hours: then waiting for a channel would only
    lose time. Then the next person. Then nobody is left.
    """
    if not is_quiet:
        for channel in EXTERNAL_CHANNELS:
            if channel in reachable and channel not in used:
                return Step(EscalationStep.NEXT_CHANNEL, channel=channel)
    if people_left:
        first, *rest = people_left
        return Step(EscalationStep.NEXT_PERSON, account_id=first, then=tuple(rest))
    return Step(EscalationStep.NOBODY_LEFT)
