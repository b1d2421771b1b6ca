"""What an alert and its rule say, in both languages."""

from dataclasses import replace

import pytest

from huying.sensing.rules.alerting import Rule
from huying.sensing.rules.phrases import condition, condition_en, finding, finding_en

HOURLY = Rule(
    id=1,
    code="pm25_hour",
    name="PM2.5",
    version=1,
    test="THRESHOLD",
    period="HOUR",
    comparison="ABOVE",
    threshold=150.0,
    clear_threshold=115.0,
    for_seconds=0,
    window_seconds=3600,
    severity="WARNING",
)
HELD = replace(HOURLY, comparison="BELOW", for_seconds=1800, threshold=5.0, clear_threshold=5.5)
FAST = replace(HOURLY, test="RATE", threshold=80.0, clear_threshold=40.0)
INDEX = replace(HOURLY, test="AQI", threshold=200.0, clear_threshold=180.0)
SILENT = replace(HOURLY, test="SILENCE", for_seconds=7200)


@pytest.mark.parametrize(
    ("rule", "value", "chinese", "english"),
    [
        (
            HOURLY,
            182.0,
            "PM2.5 小时均值 182 µg/m³，达到预警值（150 µg/m³）",
            "PM2.5 hourly mean 182 µg/m³, alert level 150 µg/m³",
        ),
        (
            HELD,
            4.2,
            "PM2.5 小时均值 4.2 µg/m³，低于预警值（5 µg/m³），已持续 30 分钟",
            "PM2.5 hourly mean 4.2 µg/m³, below the alert level 5 µg/m³, for 30 min",
        ),
        (
            replace(FAST, comparison="BELOW", threshold=-80.0, clear_threshold=-40.0),
            -90.0,
            "PM2.5 1 小时内下降 90 µg/m³，达到预警幅度（80 µg/m³）",
            "PM2.5 fell by 90 µg/m³ in 1 h, alert level 80 µg/m³",
        ),
        (
            INDEX,
            231.0,
            "空气质量指数（AQI）231，达到预警值（200）",
            "Air quality index (AQI) 231, alert level 200",
        ),
        (SILENT, None, "超过 2 小时没有收到数据", "No data for more than 2 h"),
    ],
)
def test_an_alert_says_what_was_found(
    rule: Rule, value: float | None, chinese: str, english: str
) -> None:
    assert finding(rule, "PM2.5", "µg/m³", value) == chinese
    assert finding_en(rule, "PM2.5", "µg/m³", value) == english


@pytest.mark.parametrize(
    ("rule", "chinese", "english"),
    [
        (
            HOURLY,
            "PM2.5 小时均值高于 150 µg/m³；回落到 115 µg/m³ 及以下解除",
            "PM2.5 hourly mean above 150 µg/m³; clears at 115 µg/m³ or less",
        ),
        (
            HELD,
            "PM2.5 小时均值低于 5 µg/m³，持续 30 分钟；回升到 5.5 µg/m³ 及以上解除",
            "PM2.5 hourly mean below 5 µg/m³ for 30 min; clears at 5.5 µg/m³ or more",
        ),
        (
            FAST,
            "PM2.5 1 小时内升高超过 80 µg/m³；升幅回落到 40 µg/m³ 及以下解除",
            "PM2.5 rises by more than 80 µg/m³ in 1 h; clears at 40 µg/m³ or less",
        ),
        (
            replace(FAST, comparison="BELOW", threshold=-3.0, clear_threshold=-1.0),
            "PM2.5 1 小时内下降超过 3 µg/m³；降幅回落到 1 µg/m³ 及以下解除",
            "PM2.5 falls by more than 3 µg/m³ in 1 h; clears at 1 µg/m³ or less",
        ),
        (
            INDEX,
            "小时 AQI 达到 200；低于 180 解除",
            "Hourly AQI 200 or more; clears below 180",
        ),
        (
            SILENT,
            "超过 2 小时没有收到数据；重新收到后解除",
            "No data for more than 2 h; clears when data come again",
        ),
    ],
)
def test_a_rule_says_when_it_alerts_and_when_it_clears(
    rule: Rule, chinese: str, english: str
) -> None:
    assert condition(rule, "PM2.5", "µg/m³") == chinese
    assert condition_en(rule, "PM2.5", "µg/m³") == english
