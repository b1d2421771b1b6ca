"""What an alert says: stored in Chinese with the case it opens; pages say it in English too.

Never 超标 for a value of an hour or a moment: the standards set no such limit (HJ 633-2026).
"""

from typing import Final

from huying.sensing.rules.alerting import Rule

PERIODS: Final = {"REALTIME": "实时值", "MINUTE": "分钟均值", "HOUR": "小时均值", "DAY": "日均值"}
_PERIODS_EN: Final = {
    "REALTIME": "now",
    "MINUTE": "mean of minutes",
    "HOUR": "hourly mean",
    "DAY": "daily mean",
}


def number(value: float, decimals: int = 1) -> str:
    """A value as people write it: 182, 1.5; no trailing zeros."""
    text = f"{value:,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: int) -> str:
    if seconds % 3600 == 0:
        return f"{seconds // 3600} 小时"
    return f"{max(1, round(seconds / 60))} 分钟"


def _duration_en(seconds: int) -> str:
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{max(1, round(seconds / 60))} min"


def _with_unit(value: float, unit: str, decimals: int) -> str:
    text = number(value, decimals)
    if not unit:
        return text
    return f"{text}{unit}" if unit in ("%", "℃", "°") else f"{text} {unit}"


def finding(
    rule: Rule, property_name: str, unit: str, value: float | None, decimals: int = 1
) -> str:
    """What the rule found, e.g. `PM2.5 小时均值 182 µg/m³，达到预警值（150 µg/m³）`."""
    if rule.test == "SILENCE" or value is None:
        return f"超过 {duration(rule.for_seconds)}没有收到数据"
    if rule.test == "AQI":
        return f"空气质量指数（AQI）{value:.0f}，达到预警值（{rule.threshold:.0f}）"
    limit = _with_unit(abs(rule.threshold), unit, decimals)
    if rule.test == "RATE":
        way = "升高" if rule.comparison == "ABOVE" else "下降"
        return (
            f"{property_name} {duration(rule.window_seconds)}内{way} "
            f"{_with_unit(abs(value), unit, decimals)}，达到预警幅度（{limit}）"
        )
    reached = "达到预警值" if rule.comparison == "ABOVE" else "低于预警值"
    held = f"，已持续 {duration(rule.for_seconds)}" if rule.for_seconds else ""
    return (
        f"{property_name} {PERIODS[rule.period]} {_with_unit(value, unit, decimals)}，"
        f"{reached}（{limit}）{held}"
    )


def finding_en(
    rule: Rule, property_name: str, unit: str, value: float | None, decimals: int = 1
) -> str:
    """What the rule found, e.g. `PM2.5 hourly mean 182 µg/m³, alert level 150 µg/m³`."""
    if rule.test == "SILENCE" or value is None:
        return f"No data for more than {_duration_en(rule.for_seconds)}"
    if rule.test == "AQI":
        return f"Air quality index (AQI) {value:.0f}, alert level {rule.threshold:.0f}"
    limit = _with_unit(abs(rule.threshold), unit, decimals)
    if rule.test == "RATE":
        way = "rose" if rule.comparison == "ABOVE" else "fell"
        return (
            f"{property_name} {way} by {_with_unit(abs(value), unit, decimals)} "
            f"in {_duration_en(rule.window_seconds)}, alert level {limit}"
        )
    reached = "alert level" if rule.comparison == "ABOVE" else "below the alert level"
    held = f", for {_duration_en(rule.for_seconds)}" if rule.for_seconds else ""
    return (
        f"{property_name} {_PERIODS_EN[rule.period]} {_with_unit(value, unit, decimals)}, "
        f"{reached} {limit}{held}"
    )


def summary(
    rule: Rule,
    device_name: str,
    property_name: str,
    unit: str,
    value: float | None,
    decimals: int = 1,
) -> str:
    """One sentence with the device in front."""
    return f"{device_name}：{finding(rule, property_name, unit, value, decimals)}"


def condition(rule: Rule, property_name: str, unit: str, decimals: int = 1) -> str:
    """When a rule opens an alert and when it ends, in one sentence for the list of rules."""
    if rule.test == "SILENCE":
        return f"超过 {duration(rule.for_seconds)}没有收到数据；重新收到后解除"
    if rule.test == "AQI":
        return f"小时 AQI 达到 {rule.threshold:.0f}；低于 {rule.clear_threshold:.0f} 解除"
    limit = _with_unit(rule.threshold, unit, decimals)
    clear_limit = _with_unit(rule.clear_threshold, unit, decimals)
    above = rule.comparison == "ABOVE"
    way, back = ("高于", "回落到") if above else ("低于", "回升到")
    side = "及以下" if above else "及以上"
    held = f"，持续 {duration(rule.for_seconds)}" if rule.for_seconds else ""
    if rule.test == "RATE":
        way, size = ("升高", "升幅") if above else ("下降", "降幅")
        limit = _with_unit(abs(rule.threshold), unit, decimals)
        clear_limit = _with_unit(abs(rule.clear_threshold), unit, decimals)
        return (
            f"{property_name} {duration(rule.window_seconds)}内{way}超过 {limit}{held}；"
            f"{size}回落到 {clear_limit} 及以下解除"
        )
    text = f"{property_name} {PERIODS[rule.period]}{way} {limit}"
    return f"{text}{held}；{back} {clear_limit} {side}解除"


def condition_en(rule: Rule, property_name: str, unit: str, decimals: int = 1) -> str:
    """The same in English."""
    if rule.test == "SILENCE":
        return (
            f"No data for more than {_duration_en(rule.for_seconds)}; clears when data come again"
        )
    if rule.test == "AQI":
        return f"Hourly AQI {rule.threshold:.0f} or more; clears below {rule.clear_threshold:.0f}"
    limit = _with_unit(rule.threshold, unit, decimals)
    clear_limit = _with_unit(rule.clear_threshold, unit, decimals)
    above = rule.comparison == "ABOVE"
    way, side = ("above", "or less") if above else ("below", "or more")
    held = f" for {_duration_en(rule.for_seconds)}" if rule.for_seconds else ""
    if rule.test == "RATE":
        way = "rises" if above else "falls"
        limit = _with_unit(abs(rule.threshold), unit, decimals)
        clear_limit = _with_unit(abs(rule.clear_threshold), unit, decimals)
        return (
            f"{property_name} {way} by more than {limit} in {_duration_en(rule.window_seconds)}"
            f"{held}; clears at {clear_limit} or less"
        )
    text = f"{property_name} {_PERIODS_EN[rule.period]} {way} {limit}"
    return f"{text}{held}; clears at {clear_limit} {side}"
