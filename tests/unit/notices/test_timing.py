"""When a notice rings, is repeated, passed on or given up."""

from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import huying.notices.rules.parameters as parameter_rules
from huying.notices.rules.addresses import push_host_allowed
from huying.notices.rules.parameters import ParameterFile, Retry
from huying.notices.rules.timing import (
    escalate_after,
    next_step,
    quiet_until,
    retry_after,
    ring_at,
)
from huying.notices.rules.vocabulary import ChannelCode, EscalationStep, Urgency, topic_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
DELIVERED = ParameterFile.load(Path(parameter_rules.__file__).with_name("parameters.yaml"))
IN_FORCE = DELIVERED.versions[-1]
PUSH, APPRISE, DEMO = ChannelCode.WEB_PUSH, ChannelCode.APPRISE, ChannelCode.DEMO


def at(hour: int, minute: int = 0, day: int = 22) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("now", "starts", "ends", "until"),
    [
        (at(23), time(22), time(7), at(7, day=23)),
        (at(22), time(22), time(7), at(7, day=23)),
        (at(6, 59), time(22), time(7), at(7)),
        (at(7), time(22), time(7), None),
        (at(21, 59), time(22), time(7), None),
        (at(13), time(12, 30), time(14), at(14)),
        (at(14), time(12, 30), time(14), None),
        (at(0), time(0), time(6), at(6)),
        (at(3), time(5), time(5), None),
    ],
)
def test_quiet_hours_are_half_open_and_may_pass_midnight(
    now: datetime, starts: time, ends: time, until: datetime | None
) -> None:
    assert quiet_until(now, starts, ends) == until


@given(st.integers(0, 3 * 366 * 86_400), st.times(), st.times())
def test_after_its_end_nothing_is_quiet(second: int, starts: time, ends: time) -> None:
    now = datetime(2026, 1, 1, tzinfo=SHANGHAI) + timedelta(seconds=second)
    until = quiet_until(now, starts, ends)
    if until is not None:
        assert timedelta(0) < until - now <= timedelta(days=1)
        assert quiet_until(until, starts, ends) is None


@pytest.mark.parametrize(
    ("urgency", "expected"),
    [
        (Urgency.NORMAL, at(7, day=23)),
        (Urgency.URGENT, at(7, day=23)),
        (Urgency.EMERGENCY, at(23)),
    ],
)
def test_only_an_emergency_rings_in_quiet_hours(urgency: Urgency, expected: datetime) -> None:
    assert ring_at(at(23), urgency, (time(22), time(7)), IN_FORCE) == expected
    assert ring_at(at(23), urgency, None, IN_FORCE) == at(23)


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 1), (2, 3), (3, 9), (4, 27), (5, 60), (6, None), (7, None)]
)
def test_back_off_grows_is_capped_and_ends(attempts: int, minutes: int | None) -> None:
    longest = retry_after(attempts, IN_FORCE.retry, jitter=1.0)
    shortest = retry_after(attempts, IN_FORCE.retry, jitter=0.0)
    if minutes is None:
        assert (shortest, longest) == (None, None)
    else:
        assert (shortest, longest) == (timedelta(minutes=minutes / 2), timedelta(minutes=minutes))


@given(st.integers(1, 20), st.floats(0, 1, exclude_max=True), st.floats(1, 10))
def test_a_wait_is_never_longer_than_the_longest(
    attempts: int, jitter: float, factor: float
) -> None:
    retry = Retry(first_minutes=2, factor=factor, longest_minutes=60, attempts=20)
    wait = retry_after(attempts, retry, jitter)
    assert (wait is None) == (attempts == 20)
    assert wait is None or timedelta(minutes=1) <= wait <= timedelta(minutes=60)


@pytest.mark.parametrize(
    ("urgency", "taken", "minutes"),
    [
        (Urgency.NORMAL, 0, None),
        (Urgency.URGENT, 0, 10),
        (Urgency.URGENT, 5, 10),
        (Urgency.EMERGENCY, 0, 3),
        (Urgency.EMERGENCY, 1, 5),
        (Urgency.EMERGENCY, 9, 5),
    ],
)
def test_how_long_a_notice_may_stay_unread(
    urgency: Urgency, taken: int, minutes: int | None
) -> None:
    expected = None if minutes is None else timedelta(minutes=minutes)
    assert escalate_after(urgency, taken, IN_FORCE) == expected


@pytest.mark.parametrize(
    ("used", "reachable", "is_quiet", "people", "kind", "channel", "person", "then"),
    [
        ((), (PUSH, APPRISE), False, (8,), "NEXT_CHANNEL", PUSH, None, ()),
        ((PUSH,), (PUSH, APPRISE), False, (8,), "NEXT_CHANNEL", APPRISE, None, ()),
        ((PUSH, APPRISE), (PUSH, APPRISE), False, (8, 9), "NEXT_PERSON", None, 8, (9,)),
        ((PUSH,), (PUSH,), False, (), "NOBODY_LEFT", None, None, ()),
        ((), (PUSH,), True, (8,), "NEXT_PERSON", None, 8, ()),
        ((), (PUSH,), True, (), "NOBODY_LEFT", None, None, ()),
        ((), (), False, (8,), "NEXT_PERSON", None, 8, ()),
    ],
)
def test_the_next_step(
    used: tuple[ChannelCode, ...],
    reachable: tuple[ChannelCode, ...],
    is_quiet: bool,
    people: tuple[int, ...],
    kind: str,
    channel: ChannelCode | None,
    person: int | None,
    then: tuple[int, ...],
) -> None:
    step = next_step(used=used, reachable=reachable, is_quiet=is_quiet, people_left=people)
    assert (step.kind, step.channel, step.account_id, step.then) == (kind, channel, person, then)


@given(
    st.sets(st.sampled_from([PUSH, APPRISE, DEMO])),
    st.lists(st.integers(1, 99), unique=True, max_size=5),
    st.booleans(),
)
def test_escalation_always_ends(
    reachable: set[ChannelCode], people: list[int], is_quiet: bool
) -> None:
    used: set[ChannelCode] = set()
    reached: list[int] = []
    left = tuple(people)
    for _ in range(len(people) + 4):
        step = next_step(used=used, reachable=reachable, is_quiet=is_quiet, people_left=left)
        if step.kind is EscalationStep.NOBODY_LEFT:
            break
        if step.channel:
            assert step.channel not in used
            used.add(step.channel)
        if step.account_id:
            reached.append(step.account_id)
            left = step.then
    assert step.kind is EscalationStep.NOBODY_LEFT
    assert reached == people, "everybody in turn"
    assert used == (set() if is_quiet else reachable)


def test_a_notice_follows_the_version_in_force() -> None:
    first, second = (
        IN_FORCE.model_dump() | {"in_force": day} for day in ("2026-01-01", "2027-01-01")
    )
    second["keep_days"] = 400
    versions = ParameterFile.model_validate({"versions": [first, second]})
    assert versions.on(at(1).date()).keep_days == IN_FORCE.keep_days
    assert versions.on(datetime(2027, 1, 1, tzinfo=SHANGHAI).date()).keep_days == 400
    assert versions.on(datetime(2020, 1, 1, tzinfo=SHANGHAI).date()).keep_days == 365


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"default_channels": {"NORMAL": []}}, "every urgency"),
        (
            {"default_channels": {"NORMAL": ["INBOX"], "URGENT": [], "EMERGENCY": []}},
            "inbox",
        ),
        ({"escalate_after_minutes": {"URGENT": []}}, "leave an urgency out"),
        ({"escalate_after_minutes": {"URGENT": [0]}}, "greater than or equal to 1"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_a_faulty_parameter_file_says_what_is_wrong(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ParameterFile.model_validate({"versions": [IN_FORCE.model_dump() | change]})


def test_versions_out_of_order_are_refused() -> None:
    version = IN_FORCE.model_dump()
    with pytest.raises(ValueError, match="ascending"):
        ParameterFile.model_validate({"versions": [version, version]})


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc", True),
        ("https://web.push.apple.com/abc", True),
        ("https://web.push.apple.com:443/abc", True),
        ("http://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com:22/x", False),
        ("https://fcm.googleapis.com.example.net/x", False),
        ("https://evilpush.apple.com.cn/x", False),
        ("https://notpush.apple.community/x", False),
        ("https://user@fcm.googleapis.com/x", False),
        ("https://127.0.0.1/x", False),
        ("https://[::1/x", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_only_known_push_services_are_called(endpoint: str, allowed: bool) -> None:
    assert push_host_allowed(endpoint, IN_FORCE.push_hosts) is allowed


def test_the_topic_is_the_first_word_of_the_kind() -> None:
    assert [topic_of(kind) for kind in ("alert.opened", "case", "")] == ["alert", "case", ""]
