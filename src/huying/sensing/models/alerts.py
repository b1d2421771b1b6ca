"""Alert rules as data, what they found, and how it ended."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from huying.sensing.models.devices import Device, Medium, Property
from huying.sensing.models.observations import Kind
from huying.sensing.models.scope import within_scope

if TYPE_CHECKING:
    from huying.directory.permissions import Actor


class Severity(models.TextChoices):
    NOTICE = "NOTICE", _("提示")
    WARNING = "WARNING", _("预警")
    SEVERE = "SEVERE", _("严重")


class AlertRule(models.Model):
    """When a device should be looked at. Changed only through `actions.save_rule`, which
    appends the former wording to `AlertRuleVersion`.

    THRESHOLD  value `comparison` `threshold`, held for `for_seconds`
    RATE       how far the value stands above the lowest of the last `window_seconds` (ABOVE,
               `threshold` positive) or below the highest (BELOW, both negative)
    AQI        hourly AQI of the device ≥ `threshold` (table of the date of the observation):
               a level is reached with its first index; cleared below `clear_threshold`
    SILENCE    nothing heard for `for_seconds`

    An open alert closes once the value is back at `clear_threshold` (hysteresis).
    """

    class Test(models.TextChoices):
        THRESHOLD = "THRESHOLD", _("超过预警值")
        RATE = "RATE", _("变化过快")
        AQI = "AQI", _("空气质量指数")
        SILENCE = "SILENCE", _("设备失联")

    class Comparison(models.TextChoices):
        ABOVE = "ABOVE", _("高于")
        BELOW = "BELOW", _("低于")

    code = models.CharField(_("编号"), max_length=32, unique=True)
    name = models.CharField(_("名称"), max_length=60)
    test = models.CharField(_("判断方式"), max_length=10, choices=Test.choices)
    property = models.ForeignKey(
        Property,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("监测项目"),
    )
    period = models.CharField(_("数据"), max_length=8, choices=Kind.choices, default=Kind.HOUR)
    comparison = models.CharField(
        _("比较"), max_length=5, choices=Comparison.choices, default=Comparison.ABOVE
    )
    threshold = models.FloatField(_("预警值"), null=True, blank=True)
    clear_threshold = models.FloatField(_("解除值"), null=True, blank=True)
    for_seconds = models.PositiveIntegerField(_("持续时间（秒）"), default=0)
    window_seconds = models.PositiveIntegerField(_("比较时长（秒）"), default=3600)
    severity = models.CharField(
        _("级别"), max_length=8, choices=Severity.choices, default=Severity.WARNING
    )
    medium = models.CharField(_("适用设备类别"), max_length=12, choices=Medium.choices, blank=True)
    devices = models.ManyToManyField(
        Device, blank=True, related_name="+", verbose_name=_("仅适用设备")
    )
    source = models.CharField(_("依据"), max_length=200, blank=True)
    enabled = models.BooleanField(_("启用"), default=True)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("预警规则")
        verbose_name_plural = _("预警规则")
        constraints = [
            models.CheckConstraint(
                name="sensing_rule_whole",
                condition=Q(test="SILENCE", for_seconds__gt=0)
                | Q(test="AQI", threshold__isnull=False)
                | Q(test="THRESHOLD", threshold__isnull=False, property__isnull=False)
                | Q(
                    Q(comparison="ABOVE", threshold__gt=0) | Q(comparison="BELOW", threshold__lt=0),
                    test="RATE",
                    threshold__isnull=False,
                    property__isnull=False,
                    window_seconds__gt=0,
                ),
            ),
            models.CheckConstraint(
                name="sensing_rule_hysteresis",
                condition=Q(clear_threshold__isnull=True)
                | Q(comparison="ABOVE", clear_threshold__lte=models.F("threshold"))
                | Q(comparison="BELOW", clear_threshold__gte=models.F("threshold")),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AlertRuleVersion(models.Model):
    """One wording a rule has had. Append-only."""

    rule = models.ForeignKey(AlertRule, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    body = models.JSONField()
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=80)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="sensing_ruleversion_once", fields=["rule", "version"])
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} v{self.version}"


class RuleState(models.Model):
    """Where one rule stands with one device. Rows exist only once something was near the rule."""

    rule = models.ForeignKey(AlertRule, models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    breached_since = models.DateTimeField(null=True)
    evaluated_at = models.DateTimeField(help_text="`at` of the newest observation evaluated")
    value = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="sensing_rulestate_once", fields=["rule", "device"])
        ]
        indexes = [
            models.Index(
                name="sensing_rulestate_pending",
                fields=["device"],
                condition=Q(breached_since__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.device_id}"


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, actor: "Actor") -> Self:
        """The alerts of devices in the actor's divisions or grids."""
        return self.filter(
            within_scope(actor, division="device__division_id", grid="device__grid_id")
        )

    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)


class Alert(models.Model):
    """A device met a rule. One open alert for each device and rule.

    `opened_at` and `closed_at` are times of observation (the end of the hour of an hourly
    value is not waited for: the start of the period stands), `noticed_at` is when we knew.
    """

    device = models.ForeignKey(Device, models.PROTECT, related_name="alerts")
    rule = models.ForeignKey(AlertRule, models.PROTECT, related_name="alerts")
    rule_version = models.PositiveIntegerField()
    property = models.ForeignKey(Property, models.PROTECT, null=True, related_name="+")
    severity = models.CharField(max_length=8, choices=Severity.choices)
    opened_at = models.DateTimeField()
    noticed_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    value = models.FloatField(null=True)
    peak_value = models.FloatField(null=True)
    peak_at = models.DateTimeField(null=True)
    last_value = models.FloatField(null=True)
    last_at = models.DateTimeField(null=True)
    threshold = models.FloatField(null=True)
    handed_over_at = models.DateTimeField(null=True)
    true_alarm = models.BooleanField(null=True)
    true_alarm_at = models.DateTimeField(null=True)
    true_alarm_by = models.CharField(max_length=80, blank=True)
    trace_id = models.UUIDField(null=True, help_text="what follows from it is logged under this")

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="sensing_alert_one_open",
                fields=["device", "rule"],
                condition=Q(closed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="sensing_alert_period",
                condition=Q(closed_at__isnull=True) | Q(closed_at__gte=models.F("opened_at")),
            ),
            models.CheckConstraint(
                name="sensing_alert_true_alarm",
                condition=Q(true_alarm__isnull=True, true_alarm_at__isnull=True)
                | Q(true_alarm__isnull=False, true_alarm_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="sensing_alert_not_handed",
                fields=["id"],
                condition=Q(handed_over_at__isnull=True),
            ),
            models.Index(name="sensing_alert_device", fields=["device", "-opened_at"]),
            models.Index(name="sensing_alert_rule", fields=["rule", "-opened_at"]),
            models.Index(name="sensing_alert_opened", fields=["-opened_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.rule_id} {self.opened_at:%Y-%m-%d %H:%M}"


class MaintenanceWindow(models.Model):
    """No alerts are opened from observations in [starts_at, ends_at) of a device (or of all)."""

    device = models.ForeignKey(
        Device, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("设备")
    )
    starts_at = models.DateTimeField(_("开始"))
    ends_at = models.DateTimeField(_("结束"))
    reason = models.CharField(_("原因"), max_length=200)
    created_by = models.CharField(max_length=80, editable=False)

    class Meta:
        verbose_name = _("维护时段")
        verbose_name_plural = _("维护时段")
        constraints = [
            models.CheckConstraint(
                name="sensing_window_period", condition=Q(ends_at__gt=models.F("starts_at"))
            )
        ]
        indexes = [models.Index(name="sensing_window_ends", fields=["ends_at"])]

    def __str__(self) -> str:
        return self.reason
