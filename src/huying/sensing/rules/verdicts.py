"""Is one reading normal or a warning, and why: said at once, whatever becomes of an alert."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from huying.sensing.rules.alerting import Rule
from huying.sensing.rules.phrases import PERIODS, number

NORMAL = "NORMAL"
WARNING = "WARNING"
_PERIODS_EN = {"REALTIME": "real-time", "MINUTE": "minute", "HOUR": "hourly", "DAY": "daily"}


@dataclass(frozen=True, slots=True)
class Measured:
    """One value of a reading in stored units. `counts` is False where its flag bars it."""

    code: str
    property_id: int
    name_zh: str
    name_en: str
    unit: str
    decimals: int
    value: float
    counts: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """NORMAL or WARNING for one value. `threshold` is the nearest rule's, None without one."""

    property_code: str
    value: float
    unit: str
    verdict: str
    threshold: float | None
    why_zh: str
    why_en: str


def verdicts(values: Sequence[Measured], period: str, rules: Iterable[Rule]) -> list[Verdict]:
    """One verdict a value, in the order given. Only threshold rules speak to a single value.

    A rule on another period warns as well, and says that the alert waits for that period: an
    hour's mean is not judged by one moment.
    """
    thresholds = [rule for rule in rules if rule.test == "THRESHOLD"]
    return [_verdict(value, period, thresholds) for value in values]


def worst(found: Sequence[Verdict]) -> Verdict | None:
    """The one to show first: a warning before a normal one, the farthest over its threshold."""
    return max(found, key=_gravity, default=None)


def _gravity(verdict: Verdict) -> tuple[bool, float]:
    threshold = abs(verdict.threshold or 0.0)
    over = abs(verdict.value) / threshold if threshold else 0.0
    return verdict.verdict == WARNING, over


def _verdict(measured: Measured, period: str, rules: Sequence[Rule]) -> Verdict:
    mine = [rule for rule in rules if rule.property_id == measured.property_id]
    # The rules of this period first: theirs is the alert that would open.
    mine.sort(key=lambda rule: (rule.period != period, rule.id))
    unit = f" {measured.unit}" if measured.unit else ""
    shown = f"{number(measured.value, max(measured.decimals, 1))}{unit}"
    zh, en = f"{measured.name_zh} {shown}", f"{measured.name_en} {shown}"
    if not measured.counts:
        return _made(
            measured, NORMAL, None, f"{zh}：数据标记为非正常，不参与判断",
            f"{en}: flagged as not normal, so it is not judged",
        )  # fmt: skip
    for rule in mine:
        if rule.breached_by(measured.value):
            limit = f"{number(rule.threshold, max(measured.decimals, 1))}{unit}"
            zh_way = "高于" if rule.comparison == "ABOVE" else "低于"
            en_way = "above" if rule.comparison == "ABOVE" else "below"
            zh_more, en_more = _what_follows(rule, period)
            return _made(
                measured, WARNING, rule.threshold, f"{zh}，{zh_way}预警值 {limit}{zh_more}",
                f"{en} is {en_way} the warning value of {limit}{en_more}",
            )  # fmt: skip
    if not mine:
        return _made(
            measured, NORMAL, None, f"{zh}：没有针对它的预警规则",
            f"{en}: no alert rule is set for it",
        )  # fmt: skip
    threshold, above = mine[0].threshold, mine[0].comparison == "ABOVE"
    zh_way, en_way = ("不高于", "not above") if above else ("不低于", "not below")
    limit = f"{number(threshold, max(measured.decimals, 1))}{unit}"
    return _made(
        measured, NORMAL, threshold, f"{zh}，{zh_way}预警值 {limit}",
        f"{en} is {en_way} the warning value of {limit}",
    )  # fmt: skip


def _what_follows(rule: Rule, period: str) -> tuple[str, str]:
    if rule.period != period:
        zh, en = PERIODS[rule.period], _PERIODS_EN[rule.period]
        return f"（该规则按{zh}判断，届时再定是否预警）", f" (that rule judges {en} values)"
    if rule.for_seconds:
        minutes = rule.for_seconds // 60
        return f"（持续 {minutes} 分钟后预警）", f" (an alert opens after {minutes} minutes)"
    return "", ""


def _made(measured: Measured, verdict: str, threshold: float | None, zh: str, en: str) -> Verdict:
    return Verdict(measured.code, measured.value, measured.unit, verdict, threshold, zh, en)
