"""Opening and closing alerts, in the transaction that stored what they rest on."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from huying.directory.permissions import Actor, DomainError, NotAllowed, Permission
from huying.ledger import actions as ledger
from huying.sensing import events
from huying.sensing.actions import alert_statements as statements
from huying.sensing.actions.checking import Row
from huying.sensing.models import Alert, AlertRule
from huying.sensing.models.alerts import Severity
from huying.sensing.queries.registry import DeviceProfile, Registry, as_rule, registry
from huying.sensing.rules.alerting import Rule, Standing, Step, evaluate, is_silent
from huying.sensing.rules.phrases import summary
from huying.standards import aqi
from huying.telemetry import metrics, trace, trail

_logger = logging.getLogger(__name__)
Pair = tuple[int, int]  # (rule, device)
_OPENED: Final = {severity.value: metrics.ALERTS.labels(severity.value) for severity in Severity}


class UnknownAlert(DomainError):
    """No alert has this number."""

    code = "UNKNOWN_ALERT"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有这条预警。", "There is no such alert.")


@dataclass(slots=True)
class _Sample:
    at: int
    value: float
    property_id: int | None


@dataclass(slots=True)
class _Segment:
    """One stretch of an alert: one that is open in the database, or one that opens now."""

    alert_id: int | None
    opened_at: int
    value: float
    property_id: int | None
    peak: float | None = None
    peak_at: int = 0
    last: float | None = None
    last_at: int = 0
    closed_at: int | None = None
    new_peak: bool = False


@dataclass(slots=True)
class _Course:
    """What happens to one (rule, device) in one batch."""

    rule: Rule
    profile: DeviceProfile
    standing: Standing
    touched: bool = False
    segments: list[_Segment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Unquiet:
    """A pair with an open alert, or with a breach that has not lasted long enough."""

    standing: Standing
    alert_id: int | None
    peak: float | None
    property_id: int | None


@dataclass(frozen=True, slots=True)
class _Opened:
    id: int
    course: _Course
    segment: _Segment
    trace_id: str
    """What follows goes under this trace: the request's, else its own, for a batch holds many."""


def evaluate_rows(*, known: Registry, rows: Sequence[Row], now: datetime, by: Actor) -> list[int]:
    """Evaluate the rules on newly stored rows; the ids of the alerts that opened.

    In the transaction of the rows. Rows of one device are taken in the order of their time.
    """
    watched = [row for row in rows if row.watches]
    if not watched:
        return []
    standings = _standings()
    # Nearly always nothing is near any rule: then there is nothing more to do.
    lively = {row.profile.id for row in watched if not row.calm}
    lively |= {device_id for _rule_id, device_id in standings}
    chosen = [row for row in watched if row.profile.id in lively]
    if not chosen:
        return []
    return _run(known, _samples(known, chosen), standings, chosen, now, by)


def _samples(
    known: Registry, rows: Sequence[Row]
) -> dict[Pair, tuple[Rule, DeviceProfile, list[_Sample]]]:
    found: dict[Pair, tuple[Rule, DeviceProfile, list[_Sample]]] = {}
    rates: list[tuple[Rule, Row, int, float]] = []

    def put(rule: Rule, row: Row, value: float, property_id: int | None) -> None:
        pair = (rule.id, row.profile.id)
        entry = found.get(pair)
        if entry is None:
            entry = found[pair] = (rule, row.profile, [])
        entry[2].append(_Sample(row.at, value, property_id))

    for row in rows:
        for rule, place in row.watches or ():
            if rule.test == "AQI":
                index = _aqi(known, row)
                if index is not None:
                    put(rule, row, *index)
                continue
            value = row.value_at(place)
            if value is None:
                continue
            if rule.test == "RATE":
                rates.append((rule, row, place, value))
            else:
                put(rule, row, value, rule.property_id)
    for (rule, row, _place, value), earlier in zip(rates, _earlier(rates), strict=True):
        if earlier is not None:
            put(rule, row, value - earlier, rule.property_id)
    return found


def _aqi(known: Registry, row: Row) -> tuple[float, int | None] | None:
    """The hourly AQI of a row and the property of its primary pollutant."""
    means: dict[aqi.Pollutant, float] = {}
    ids: dict[aqi.Pollutant, int] = {}
    for place, number in enumerate(row.ids):
        pollutant = known.properties_by_id[number].pollutant
        value = row.value_at(place)
        if pollutant and value is not None and value >= 0:
            means[aqi.Pollutant(pollutant)] = value
            ids[aqi.Pollutant(pollutant)] = number
    if not means:
        return None
    local = datetime.fromtimestamp(row.at, timezone.get_default_timezone())
    index = aqi.hourly_aqi(means, local.date())
    return float(index.value), ids[index.primary[0]] if index.primary else None


def _earlier(rates: Sequence[tuple[Rule, Row, int, float]]) -> list[float | None]:
    """For each rate sample the lowest (falls: highest) value of its window, or None."""
    found: list[float | None] = [None] * len(rates)
    for statement, hourly in ((statements.EARLIER_HOUR, True), (statements.EARLIER_OTHER, False)):
        chosen = [i for i, (rule, *_) in enumerate(rates) if (rule.period == "HOUR") is hourly]
        if not chosen:
            continue
        columns: list[list[Any]] = [[] for _ in range(7)]
        for index in chosen:
            rule, row, _place, _value = rates[index]
            line = (
                row.profile.id, row.kind, row.at, rule.window_seconds, rule.property_id,
                row.profile.counted_flags, rule.comparison == "BELOW",
            )  # fmt: skip
            for column, item in zip(columns, line, strict=True):
                column.append(item)
        with connection.cursor() as cursor:
            cursor.execute(statement, columns)
            for place, value in cursor.fetchall():
                found[chosen[place - 1]] = value
    return found


def _run(
    known: Registry,
    samples: dict[Pair, tuple[Rule, DeviceProfile, list[_Sample]]],
    standings: dict[Pair, _Unquiet],
    rows: Sequence[Row],
    now: datetime,
    by: Actor,
) -> list[int]:
    courses = _begin(samples, standings)
    candidates: list[tuple[Pair, _Sample]] = []
    for pair, (rule, profile, line) in samples.items():
        line.sort(key=lambda sample: sample.at)
        if pair in courses:
            continue
        first = next((sample for sample in line if rule.breached_by(sample.value)), None)
        if first is not None:
            candidates.append((pair, first))
            courses[pair] = _Course(rule, profile, Standing())
    for pair in _outdated(candidates, samples, rows):
        del courses[pair]
    for pair, course in courses.items():
        _follow(known, course, samples[pair][2])
    touched = [course for course in courses.values() if course.touched]
    return _write(known, touched, now, by) if touched else []


def _standings() -> dict[Pair, _Unquiet]:
    """All pairs that are not quiet; few, off partial indexes."""
    found: dict[Pair, _Unquiet] = {}
    with connection.cursor() as cursor:
        cursor.execute(statements.STANDING)
        for rule_id, device_id, alert_id, since, evaluated, peak, property_id in cursor.fetchall():
            pair = (rule_id, device_id)
            if alert_id is not None or pair not in found:
                standing = Standing(evaluated, since, alert_id is not None)
                found[pair] = _Unquiet(standing, alert_id, peak, property_id)
    return found


def _begin(
    samples: dict[Pair, tuple[Rule, DeviceProfile, list[_Sample]]], standings: dict[Pair, _Unquiet]
) -> dict[Pair, _Course]:
    """Courses of the pairs that already have an open alert or a breach waiting."""
    courses: dict[Pair, _Course] = {}
    for pair, (rule, profile, _line) in samples.items():
        known = standings.get(pair)
        if known is None:
            continue
        course = _Course(rule, profile, known.standing)
        if known.alert_id is not None:
            since = known.standing.breached_since or 0
            course.segments.append(
                _Segment(known.alert_id, since, known.peak or 0.0, known.property_id, known.peak)
            )
        courses[pair] = course
    return courses


def _outdated(
    candidates: Sequence[tuple[Pair, _Sample]],
    samples: dict[Pair, tuple[Rule, DeviceProfile, list[_Sample]]],
    rows: Sequence[Row],
) -> list[Pair]:
    """Of the pairs about to breach, those whose device has newer data already: late data."""
    outdated: list[Pair] = []
    for hourly in (True, False):
        chosen = [item for item in candidates if (samples[item[0]][0].period == "HOUR") is hourly]
        if not chosen:
            continue
        batch = [row for row in rows if (row.kind == "HOUR") is hourly]
        statement = (
            statements.NEWER.format(table="sensing_hourly_mean", kind="")
            if hourly
            else statements.NEWER.format(table="sensing_observation", kind="AND o.kind = k.kind")
        )
        with connection.cursor() as cursor:
            cursor.execute(
                statement,
                [
                    [pair[1] for pair, _ in chosen],
                    [sample.at for _, sample in chosen],
                    [samples[pair][0].period for pair, _ in chosen],
                    [samples[pair][0].property_id for pair, _ in chosen],
                    [row.profile.id for row in batch],
                    [row.at for row in batch],
                ],
            )
            outdated += [chosen[place - 1][0] for (place,) in cursor.fetchall()]
    return outdated


def _follow(known: Registry, course: _Course, line: Iterable[_Sample]) -> None:
    """Walk through the samples of a pair in the order of time."""
    rule = course.rule
    for sample in line:
        was_open = course.standing.is_open
        if not was_open and known.in_maintenance(course.profile.id, sample.at):
            continue
        course.standing, step = evaluate(rule, course.standing, sample.at, sample.value)
        if step is Step.IGNORED:
            continue
        course.touched = True
        if step is Step.OPENS:
            course.segments.append(_Segment(None, sample.at, sample.value, sample.property_id))
        if step in (Step.OPENS, Step.STAYS, Step.CLOSES):
            segment = course.segments[-1]
            segment.last, segment.last_at = sample.value, sample.at
            if step is Step.CLOSES:
                segment.closed_at = sample.at
            elif rule.worse(sample.value, segment.peak):
                segment.peak, segment.peak_at, segment.new_peak = sample.value, sample.at, True


def _write(known: Registry, courses: Sequence[_Course], now: datetime, by: Actor) -> list[int]:
    followed = [s for c in courses for s in c.segments if s.alert_id is not None]
    closed, peaked = _update_alerts([s for s in followed if s.last is not None])
    opened = _insert_alerts(
        [(c, s) for c in courses for s in c.segments if s.alert_id is None], now
    )
    _keep_states(courses)
    entries = [_opened_entry(known, one, by) for one in opened]
    entries += [
        ledger.Entry(
            kind="alert.closed",
            subject=f"alert:{alert_id}",
            by=by.ref,
            body={"closed_at": closed_at.isoformat(), "peak_value": peak},
        )
        for alert_id, closed_at, peak in [
            *closed,
            *(
                (o.id, _time(o.segment.closed_at), o.segment.peak)
                for o in opened
                if o.segment.closed_at
            ),
        ]
    ]
    if entries:
        record_ids = ledger.record_many(entries)
        for one, record_id in zip(opened, record_ids, strict=False):
            _follow_up(one, record_id)
    _announce(known, opened, closed, peaked, now)
    return [one.id for one in opened]


def _update_alerts(
    segments: Sequence[_Segment],
) -> tuple[list[tuple[int, datetime, float | None]], list[tuple[int, float | None]]]:
    if not segments:
        return [], []
    columns: list[Any] = [
        [s.alert_id for s in segments],
        [s.new_peak for s in segments],
        [s.peak for s in segments],
        [s.peak_at or None for s in segments],
        [s.last for s in segments],
        [s.last_at for s in segments],
        [s.closed_at for s in segments],
    ]
    with connection.cursor() as cursor:
        cursor.execute(statements.FOLLOW, columns)
        lines = cursor.fetchall()
    closed = [(line[0], line[1], line[2]) for line in lines if line[1] is not None]
    peaked = [(line[0], line[2]) for line in lines if line[3] and line[1] is None]
    return closed, peaked


def _insert_alerts(pairs: Sequence[tuple[_Course, _Segment]], now: datetime) -> list[_Opened]:
    if not pairs:
        return []
    # Closed ones first: they cannot meet the constraint on open ones.
    ordered = sorted(pairs, key=lambda pair: pair[1].closed_at is None)
    columns: list[list[Any]] = [[] for _ in range(14)]
    for course, segment in ordered:
        rule = course.rule
        line = (
            course.profile.id, rule.id, rule.version, segment.property_id, rule.severity,
            segment.opened_at, segment.closed_at,
            None if rule.test == "SILENCE" else segment.value, segment.peak,
            segment.peak_at, segment.last, segment.last_at,
            None if rule.test == "SILENCE" else rule.threshold,
            trace.current_id() or trace.new_id(),
        )  # fmt: skip
        for column, item in zip(columns, line, strict=True):
            column.append(item)
    by_key = {(c.profile.id, c.rule.id, s.opened_at): (c, s) for c, s in ordered}
    with connection.cursor() as cursor:
        cursor.execute(statements.OPEN, [now, *columns])
        lines = cursor.fetchall()
    return [_Opened(line[0], *by_key[(line[1], line[2], line[3])], line[4]) for line in lines]


def _follow_up(one: _Opened, record_id: int) -> None:
    """Leave in the log by which reading of which device this alert came about."""
    with trace.begun(trace_id=one.trace_id):
        trail.note(
            "alert.opened",
            alert=one.id,
            record=record_id,
            mn=one.course.profile.mn,
            reading_at=_time(one.segment.opened_at).isoformat(),
        )
    transaction.on_commit(_OPENED[one.course.rule.severity].inc)


def _keep_states(courses: Sequence[_Course]) -> None:
    columns: list[Any] = [
        [course.rule.id for course in courses],
        [course.profile.id for course in courses],
        [None if c.standing.is_open else c.standing.breached_since for c in courses],
        [course.standing.evaluated_at for course in courses],
    ]
    with connection.cursor() as cursor:
        cursor.execute(statements.KEEP_STATES, columns)


def _opened_entry(known: Registry, one: _Opened, by: Actor) -> ledger.Entry:
    rule, profile, segment = one.course.rule, one.course.profile, one.segment
    facts = known.properties_by_id.get(segment.property_id or 0)
    return ledger.Entry(
        kind="alert.opened",
        subject=f"alert:{one.id}",
        by=by.ref,
        body={
            "device": profile.mn,
            "rule": rule.code,
            "rule_version": rule.version,
            "property": facts.code if facts else "",
            "value": None if rule.test == "SILENCE" else segment.value,
            "threshold": None if rule.test == "SILENCE" else rule.threshold,
            "opened_at": _time(segment.opened_at).isoformat(),
        },
    )


def _announce(
    known: Registry,
    opened: Sequence[_Opened],
    closed: Sequence[tuple[int, datetime, float | None]],
    peaked: Sequence[tuple[int, float | None]],
    now: datetime,
) -> None:
    handed = [one.id for one in opened if _send(_event_of(known, one), one.trace_id)]
    _mark_handed_over(handed, now)
    ended = [*closed]
    ended += [
        (o.id, _time(o.segment.closed_at), o.segment.peak) for o in opened if o.segment.closed_at
    ]
    for alert_id, closed_at, peak in ended:
        _tell(events.alert_closed, events.AlertClosed(alert_id, closed_at, peak))
    for alert_id, peak in peaked:
        _tell(events.alert_updated, events.AlertUpdated(alert_id, peak, None))


def _send(event: events.AlertOpened, trace_id: str) -> bool:
    """Whether somebody took the alert over."""
    with trace.begun(trace_id=trace_id):
        return _tell(events.alert_opened, event) and events.alert_opened.has_listeners()


def _tell(signal: Any, event: Any) -> bool:
    """Send an event; a receiver that fails loses its own work only, never the observation."""
    try:
        with transaction.atomic():
            signal.send(sender=type(event), event=event)
        return True
    except Exception:
        if connection.needs_rollback:  # lost with all that was written: not to be confirmed
            raise
        _logger.exception("a receiver of %s failed", type(event).__name__)
        return False


def _event_of(known: Registry, one: _Opened) -> events.AlertOpened:
    rule, profile, segment = one.course.rule, one.course.profile, one.segment
    facts = known.properties_by_id.get(segment.property_id or 0)
    silent = rule.test == "SILENCE"
    unit = "" if rule.test == "AQI" or facts is None else facts.unit
    return events.AlertOpened(
        alert_id=one.id,
        device_id=profile.id,
        device_name=profile.name,
        rule_code=rule.code,
        rule_name=rule.name,
        severity=rule.severity,
        property_code=facts.code if facts else "",
        property_name=facts.name_zh if facts else "",
        unit=unit,
        value=None if silent else segment.value,
        threshold=None if silent else rule.threshold,
        opened_at=_time(segment.opened_at),
        lon=profile.lon,
        lat=profile.lat,
        grid_code=profile.grid_code,
        division_code=profile.division_code,
        summary=summary(
            rule,
            profile.name,
            facts.name_zh if facts else "",
            unit,
            None if silent else segment.value,
            facts.decimals if facts else 0,
        ),
    )


def _mark_handed_over(alert_ids: Sequence[int], now: datetime) -> None:
    if alert_ids:
        Alert.objects.filter(id__in=alert_ids, handed_over_at__isnull=True).update(
            handed_over_at=now
        )


def hand_over_alerts(*, now: datetime, by: Actor, limit: int = 200) -> int:
    """Send again the alerts nobody took over when they opened; how many were taken now."""
    known = registry()
    handed = 0
    with transaction.atomic():
        waiting = list(
            Alert.objects.select_for_update(skip_locked=True)
            .filter(handed_over_at__isnull=True)
            .order_by("id")[:limit]
        )
        # An alert keeps its rule, whether or not the rule was disabled or reworded meanwhile.
        stored = AlertRule.objects.in_bulk({alert.rule_id for alert in waiting})
        for alert in waiting:
            profile = known.by_id.get(alert.device_id)
            if profile is None:
                continue
            rule = as_rule(stored[alert.rule_id])
            segment = _Segment(
                alert.id, int(alert.opened_at.timestamp()), alert.value or 0.0, alert.property_id
            )
            one = _Opened(
                alert.id, _Course(rule, profile, Standing()), segment, str(alert.trace_id or "")
            )
            if _send(_event_of(known, one), one.trace_id):
                _mark_handed_over([alert.id], now)
                handed += 1
    return handed


def evaluate_silence(*, now: datetime, by: Actor) -> list[int]:
    """Open alerts for devices not heard of, close those of devices heard again."""
    known = registry()
    rules = [rule for rule in known.rules if rule.test == "SILENCE"]
    if not rules:
        return []
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT device_id, extract(epoch FROM last_heard_at)::bigint"
                " FROM sensing_devicestate WHERE last_heard_at IS NOT NULL"
            )
            heard: dict[int, int] = dict(cursor.fetchall())
            cursor.execute(
                "SELECT rule_id, device_id, id, extract(epoch FROM opened_at)::bigint"
                " FROM sensing_alert WHERE closed_at IS NULL AND rule_id = ANY(%s)",
                [[rule.id for rule in rules]],
            )
            open_now = {(line[0], line[1]): line[2:] for line in cursor.fetchall()}
        courses = []
        seconds = int(now.timestamp())
        for rule in rules:
            for device_id, last in heard.items():
                profile = known.by_id.get(device_id)
                if profile is None or not rule.applies_to(device_id, profile.medium):
                    continue
                course = _silence_course(
                    known, rule, profile, last, seconds, open_now.get((rule.id, device_id))
                )
                if course is not None:
                    courses.append(course)
        return _write(known, courses, now, by) if courses else []


def _silence_course(
    known: Registry,
    rule: Rule,
    profile: DeviceProfile,
    last: int,
    now: int,
    open_alert: tuple[int, int] | None,
) -> _Course | None:
    silent = is_silent(rule, last, now) and profile.enabled
    if open_alert is None:
        if not silent or known.in_maintenance(profile.id, now):
            return None
        segment = _Segment(None, last, 0.0, None, last_at=now, peak_at=last)
        return _Course(rule, profile, Standing(now, last, True), True, [segment])
    if silent:
        return None
    segment = _Segment(open_alert[0], open_alert[1], 0.0, None, last=0.0, last_at=last)
    segment.closed_at = max(last, open_alert[1])
    return _Course(rule, profile, Standing(now, None, False), True, [segment])


def record_true_alarm(*, alert_id: int, was_true: bool, by: Actor) -> None:
    """Note whether an alert was a true alarm: shown as a ratio beside its rule."""
    if not by.may_any(Permission.CASE_VERIFY, Permission.CASE_HANDLE, Permission.SENSING_MANAGE):
        raise NotAllowed(Permission.CASE_VERIFY)
    with transaction.atomic():
        alert = Alert.objects.select_for_update().filter(id=alert_id).first()
        if alert is None:
            raise UnknownAlert
        alert.true_alarm = was_true
        alert.true_alarm_at = timezone.now()
        alert.true_alarm_by = by.ref
        alert.save(update_fields=["true_alarm", "true_alarm_at", "true_alarm_by"])
        ledger.record(
            kind="alert.judged", subject=f"alert:{alert_id}", by=by.ref, body={"true": was_true}
        )
        _tell(events.alert_updated, events.AlertUpdated(alert_id, alert.peak_value, was_true))


def _time(seconds: int | None) -> datetime:
    return datetime.fromtimestamp(seconds or 0, UTC)
