"""Alerts and rules, as pages, the API and the rooms above read them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from huying.directory.permissions import Actor
from huying.sensing.models import Alert, AlertRule, AlertRuleVersion, MaintenanceWindow
from huying.sensing.queries.registry import as_rule, registry
from huying.sensing.rules.phrases import condition, condition_en, finding, finding_en

JUDGED_DAYS = 90


def _english() -> bool:
    return (get_language() or "zh").startswith("en")


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert. `value` is the newest value where it is open, `peak_value` the worst."""

    id: int
    device_id: int
    device_mn: str
    device_name: str
    property_code: str
    property_name: str
    unit: str
    decimals: int
    value: float | None
    peak_value: float | None
    last_value: float | None
    last_at: datetime | None
    threshold: float | None
    rule_code: str
    rule_name: str
    rule_version: int
    severity: str
    opened_at: datetime
    noticed_at: datetime
    closed_at: datetime | None
    true_alarm: bool | None
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str | None
    finding: str
    """What was found, e.g. PM2.5 小时均值 182 µg/m³，达到预警值（150 µg/m³）"""

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def summary(self) -> str:
        return self.device_name + _("：") + self.finding


def alert(alert_id: int) -> AlertView | None:
    """One alert, or None. For the rooms above, which decide who sees their matters."""
    row = _alerts().filter(id=alert_id).first()
    return None if row is None else _view(row)


def open_alerts(actor: Actor, *, limit: int = 200) -> list[AlertView]:
    """The open alerts an actor may see, newest first."""
    rows = _alerts().visible_to(actor).open().order_by("-opened_at", "-id")[:limit]
    return [_view(row) for row in rows]


def alert_list(
    actor: Actor,
    *,
    is_open: bool | None = None,
    rule_code: str = "",
    device_mn: str = "",
    before_id: int | None = None,
    limit: int = 50,
) -> list[AlertView]:
    """Alerts an actor may see, newest first; the next page starts before the last one's id."""
    rows = _alerts().visible_to(actor)
    if is_open is not None:
        rows = rows.filter(closed_at__isnull=is_open)
    if rule_code:
        rows = rows.filter(rule__code=rule_code)
    if device_mn:
        rows = rows.filter(device__mn=device_mn)
    if before_id is not None:
        rows = rows.filter(id__lt=before_id)
    return [_view(row) for row in rows.order_by("-id")[:limit]]


def _alerts() -> Any:
    return Alert.objects.select_related("device", "rule", "property")


def _view(row: Alert) -> AlertView:
    observed, rule, device = row.property, row.rule, row.device
    is_index = rule.test == AlertRule.Test.AQI
    unit = "" if observed is None or is_index else observed.unit
    decimals = observed.decimals if observed and not is_index else 0
    threshold = row.threshold if row.threshold is not None else rule.threshold or 0.0
    as_opened = replace(as_rule(rule), threshold=threshold, severity=row.severity)
    said = finding_en if _english() else finding
    name = observed.name if observed else ""
    return AlertView(
        id=row.id,
        device_id=device.id,
        device_mn=device.mn,
        device_name=device.name,
        property_code=observed.code if observed else "",
        property_name=name,
        unit=unit,
        decimals=decimals,
        value=row.value,
        peak_value=row.peak_value,
        last_value=row.last_value,
        last_at=row.last_at,
        threshold=row.threshold,
        rule_code=rule.code,
        rule_name=rule.name,
        rule_version=row.rule_version,
        severity=row.severity,
        opened_at=row.opened_at,
        noticed_at=row.noticed_at,
        closed_at=row.closed_at,
        true_alarm=row.true_alarm,
        lon=device.lon,
        lat=device.lat,
        grid_code=device.grid_id,
        division_code=device.division_id,
        finding=said(as_opened, name, unit, row.value, decimals),
    )


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule beside what became of its alerts in the last 90 days."""

    rule: AlertRule
    opened: int
    open_now: int
    true_alarms: int
    false_alarms: int

    @property
    def condition(self) -> str:
        """When it opens an alert and when that ends, in words."""
        observed = self.rule.property
        said = condition_en if _english() else condition
        return said(
            as_rule(self.rule),
            observed.name if observed else "",
            observed.unit if observed else "",
            observed.decimals if observed else 0,
        )

    @property
    def judged(self) -> int:
        return self.true_alarms + self.false_alarms

    @property
    def true_share(self) -> float | None:
        """Percent of the judged alerts that were true alarms; None before any was judged."""
        return 100 * self.true_alarms / self.judged if self.judged else None


def rule_rows() -> list[RuleRow]:
    """All rules with their record; a bounded span of time, so that it does not grow."""
    since = timezone.now() - timedelta(days=JUDGED_DAYS)
    counts = {
        line["rule_id"]: line
        for line in Alert.objects.filter(Q(opened_at__gte=since) | Q(closed_at__isnull=True))
        .values("rule_id")
        .annotate(
            opened=Count("id"),
            open_now=Count("id", filter=Q(closed_at__isnull=True)),
            true_alarms=Count("id", filter=Q(true_alarm=True)),
            false_alarms=Count("id", filter=Q(true_alarm=False)),
        )
        .order_by("rule_id")
    }
    none = {"opened": 0, "open_now": 0, "true_alarms": 0, "false_alarms": 0}
    rules = AlertRule.objects.select_related("property").prefetch_related("devices")
    found = []
    for rule in rules.order_by("-enabled", "id"):
        line = counts.get(rule.id, none)
        found.append(
            RuleRow(
                rule, line["opened"], line["open_now"], line["true_alarms"], line["false_alarms"]
            )
        )
    return found


def rule_versions(code: str) -> Sequence[AlertRuleVersion]:
    """Every wording a rule has had, newest first."""
    return list(AlertRuleVersion.objects.filter(rule__code=code).order_by("-version"))


def threshold_of(code: str, *, period: str, device_id: int, kind: str) -> float | None:
    """The lowest warning value set for a property of a device: the line in its chart."""
    known = registry()
    facts = known.properties.get(code)
    found = [
        rule.threshold
        for rule in known.rules
        if facts is not None
        and rule.test == "THRESHOLD"
        and rule.property_id == facts.id
        and rule.period == period
        and rule.applies_to(device_id, kind)
    ]
    return min(found, default=None)


def coming_maintenance(device_id: int) -> Sequence[MaintenanceWindow]:
    """Maintenance of a device (or of all) that is not over, the next first."""
    return list(
        MaintenanceWindow.objects.filter(
            Q(device_id=device_id) | Q(device__isnull=True), ends_at__gt=timezone.now()
        ).order_by("starts_at")[:20]
    )
