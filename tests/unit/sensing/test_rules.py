"""The pure logic: units, hours, alert rules, words."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.sensing.rules import phrases, refusals, units
from huying.sensing.rules.alerting import Rule, Standing, Step, evaluate, is_silent
from huying.sensing.rules.hours import Tally, closed_mean, minutes_covered
from huying.sensing.rules.readings import Measure, aligned, refusal_of, refusal_of_time

HOUR = 3600
RULE = Rule(
    id=1, code="x", name="x", version=1, test="THRESHOLD", period="HOUR", comparison="ABOVE",
    threshold=150, clear_threshold=115, for_seconds=0, window_seconds=HOUR, severity="WARNING",
)  # fmt: skip


# Units


@pytest.mark.parametrize(
    ("sent", "stored", "expected"),
    [
        ("ng/m³", "µg/m³", 0.001), ("mg/m3", "µg/m³", 1000.0), ("ug/m3", "µg/m³", 1.0),
        ("μg/m³", "µg/m³", 1.0), ("hPa", "kPa", 0.1), ("km/h", "m/s", 1 / 3.6), ("℃", "°C", 1.0),
    ],
)  # fmt: skip
def test_factors(sent: str, stored: str, expected: float) -> None:
    assert units.factor(sent, stored) == pytest.approx(expected)


def test_no_factor_is_guessed() -> None:
    with pytest.raises(units.UnknownUnit):
        units.factor("ppb", "µg/m³")
    with pytest.raises(units.UnknownUnit):
        units.factor("mg/L", "µg/m³")


# Validity


@pytest.mark.parametrize(
    ("value", "reason"),
    [(0.0, None), (10_000.0, None), (-0.01, "NEGATIVE"), (10_000.1, "ABSURD"),
     (math.nan, "NOT_A_NUMBER"), (-math.inf, "NOT_A_NUMBER")],
)  # fmt: skip
def test_refusals_of_values(value: float, reason: str | None) -> None:
    measure = Measure(1, 1.0, 0, 10_000, "µg/m³", "µg/m³")
    found = refusal_of("a34004", value, measure)
    assert (found.reason if found else None) == reason


def test_a_temperature_may_be_negative_but_not_absurd() -> None:
    measure = Measure(1, 1.0, -70, 70, "℃", "℃")
    assert refusal_of("a01001", -20, measure) is None
    found = refusal_of("a01001", -200, measure)
    assert found is not None
    assert found.reason == "ABSURD"


def test_refusals_of_times() -> None:
    now = 1_800_000_000
    assert refusal_of_time(now + 600, now) is None
    found = refusal_of_time(now + 601, now)
    assert found is not None
    assert found.reason == "FUTURE"
    assert found.detail["time"] == "2027-01-15 16:10:01"
    found = refusal_of_time(1_104_508_799, now)
    assert found is not None
    assert found.reason == "TOO_OLD"


@given(st.integers(1_104_508_800, 2_000_000_000))
def test_periods_are_aligned(at: int) -> None:
    assert aligned("REALTIME", at) == at
    assert aligned("HOUR", at) % HOUR == 0
    assert (aligned("DAY", at) + 8 * HOUR) % 86_400 == 0
    for kind, length in (("MINUTE", 60), ("HOUR", HOUR), ("DAY", 86_400)):
        assert 0 <= at - aligned(kind, at) < length


@pytest.mark.parametrize("reason", sorted(refusals.REASONS))
def test_every_reason_has_words_in_both_languages(reason: str) -> None:
    for language in ("zh", "en"):
        assert refusals.label(reason, language)
        text = refusals.sentence(reason, {}, language)
        assert text
        assert "{" not in text


def test_a_sentence_is_filled() -> None:
    text = refusals.sentence("CONFLICT", {"code": "a34004", "stored": 35.0, "value": 99.0})
    assert text == "a34004 在同一时间已有数值 35，新值 99 未覆盖。请核实以哪个为准。"


# Hours


def tally(kind: str, minutes: int, value: float = 10.0) -> Tally:
    return Tally(kind, value * minutes, minutes, value, value, (1 << minutes) - 1)


def test_45_minutes_make_an_hour() -> None:
    assert closed_mean([tally("REALTIME", 44)]) is None
    found = closed_mean([tally("REALTIME", 45)])
    assert found is not None
    assert found.mean == 10


def test_minute_averages_come_first_if_there_are_enough() -> None:
    both = [tally("REALTIME", 60, 10), tally("MINUTE", 50, 20)]
    found = closed_mean(both)
    assert found is not None
    assert found.mean == 20
    found = closed_mean([tally("REALTIME", 60, 10), tally("MINUTE", 30, 20)])
    assert found is not None
    assert found.mean == 10


@given(st.integers(0, 10**9), st.integers(1, 60))
def test_minutes_covered_stay_within_the_hour(at: int, span: int) -> None:
    bits = minutes_covered(at, span)
    first = at % HOUR // 60
    assert bits < 1 << 60
    assert bits.bit_count() == min(span, 60 - first)
    assert bits >> first & 1


# Alert rules


def run(rule: Rule, values: list[tuple[int, float]]) -> list[Step]:
    standing, steps = Standing(), []
    for at, value in values:
        standing, step = evaluate(rule, standing, at, value)
        steps.append(step)
    return steps


def test_hysteresis() -> None:
    values = [150.0, 151.0, 140.0, 116.0, 115.0, 150.0, 151.0]
    assert run(RULE, [(n * HOUR, v) for n, v in enumerate(values)]) == [
        Step.QUIET, Step.OPENS, Step.STAYS, Step.STAYS, Step.CLOSES, Step.QUIET, Step.OPENS,
    ]  # fmt: skip


def test_an_hourly_value_holds_to_the_end_of_its_hour() -> None:
    two_hours = replace(RULE, for_seconds=2 * HOUR)
    assert run(two_hours, [(0, 160), (HOUR, 160)]) == [Step.WAITING, Step.OPENS]
    assert run(replace(RULE, for_seconds=HOUR), [(0, 160)]) == [Step.OPENS]


def test_a_gap_starts_the_count_anew() -> None:
    three_hours = replace(RULE, for_seconds=3 * HOUR)
    steps = run(three_hours, [(0, 160), (5 * HOUR, 160), (6 * HOUR, 160), (7 * HOUR, 160)])
    assert steps == [Step.WAITING, Step.WAITING, Step.WAITING, Step.OPENS]


def test_a_value_in_between_ends_the_waiting() -> None:
    three_hours = replace(RULE, for_seconds=3 * HOUR)
    assert run(three_hours, [(0, 160), (HOUR, 140), (2 * HOUR, 160)])[-1] is Step.WAITING


def test_the_past_does_not_reopen_the_present_but_a_correction_counts() -> None:
    assert run(RULE, [(2 * HOUR, 160), (HOUR, 20), (2 * HOUR, 100)]) == [
        Step.OPENS, Step.IGNORED, Step.CLOSES,
    ]  # fmt: skip


def test_below() -> None:
    low = replace(RULE, comparison="BELOW", threshold=3, clear_threshold=5)
    assert run(low, [(0, 3), (HOUR, 2.9), (2 * HOUR, 4), (3 * HOUR, 5)]) == [
        Step.QUIET, Step.OPENS, Step.STAYS, Step.CLOSES,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("test", "comparison", "value", "breached", "cleared"),
    [
        ("THRESHOLD", "ABOVE", 149, False, True),
        ("THRESHOLD", "ABOVE", 150, False, True),
        ("THRESHOLD", "ABOVE", 151, True, False),
        ("THRESHOLD", "BELOW", 149, True, False),
        ("THRESHOLD", "BELOW", 150, False, True),
        ("RATE", "ABOVE", 150, False, True),
        ("AQI", "ABOVE", 149, False, True),
        ("AQI", "ABOVE", 150, True, False),
        ("AQI", "ABOVE", 151, True, False),
    ],
)
def test_at_the_threshold_itself(
    test: str, comparison: str, value: float, breached: bool, cleared: bool
) -> None:
    rule = replace(RULE, test=test, comparison=comparison, threshold=150, clear_threshold=150)
    assert (rule.breached_by(value), rule.cleared_by(value)) == (breached, cleared)


@given(
    st.lists(st.floats(0, 400), min_size=1, max_size=60),
    st.integers(0, 5),
    st.floats(50, 300),
    st.floats(0, 50),
)
def test_openings_and_closings_alternate(
    values: list[float], hours: int, threshold: float, band: float
) -> None:
    rule = replace(
        RULE, threshold=threshold, clear_threshold=threshold - band, for_seconds=hours * HOUR
    )
    steps = run(rule, [(n * HOUR, v) for n, v in enumerate(values)])
    turns = [step for step in steps if step in (Step.OPENS, Step.CLOSES)]
    assert turns == [Step.OPENS, Step.CLOSES] * (len(turns) // 2) + [Step.OPENS] * (len(turns) % 2)
    for value, step in zip(values, steps, strict=True):
        if step is Step.OPENS:
            assert value > threshold
        if step is Step.CLOSES:
            assert value <= threshold - band


def test_silence() -> None:
    rule = replace(RULE, test="SILENCE", for_seconds=HOUR)
    assert not is_silent(rule, None, 10**9)
    assert not is_silent(rule, 1000, 1000 + HOUR - 1)
    assert is_silent(rule, 1000, 1000 + HOUR)


def test_devices_and_media_of_a_rule() -> None:
    assert RULE.applies_to(7, "WATER")
    assert not replace(RULE, medium="AIR").applies_to(7, "WATER")
    assert replace(RULE, medium="AIR", device_ids=frozenset({7})).applies_to(7, "WATER")
    assert not replace(RULE, device_ids=frozenset({8})).applies_to(7, "AIR")


# Words


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (RULE, 182.0, "PM2.5 小时均值 182 µg/m³，达到预警值（150 µg/m³）"),
        (
            replace(RULE, for_seconds=7200), 182.4,
            "PM2.5 小时均值 182 µg/m³，达到预警值（150 µg/m³），已持续 2 小时",
        ),
        (
            replace(RULE, test="RATE", threshold=-50, comparison="BELOW"), -60.0,
            "PM2.5 1 小时内下降 60 µg/m³，达到预警幅度（50 µg/m³）",
        ),
        (
            replace(RULE, test="AQI", threshold=200), 224.0,
            "空气质量指数（AQI）224，达到预警值（200）",
        ),
        (replace(RULE, test="SILENCE", for_seconds=5400), None, "超过 90 分钟没有收到数据"),
    ],
)  # fmt: skip
def test_findings(rule: Rule, value: float | None, expected: str) -> None:
    found = phrases.finding(rule, "PM2.5", "µg/m³", value, 0)
    assert found == expected
    assert "超标" not in found


def test_conditions() -> None:
    assert phrases.condition(RULE, "PM2.5", "µg/m³", 0) == (
        "PM2.5 小时均值高于 150 µg/m³；回落到 115 µg/m³ 及以下解除"
    )
    silent = replace(RULE, test="SILENCE", for_seconds=7200)
    assert phrases.condition(silent, "", "") == "超过 2 小时没有收到数据；重新收到后解除"
