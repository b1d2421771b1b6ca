"""Who measures what, and in which unit it arrives."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from huying.directory.vault import SealedField
from huying.sensing.models.scope import within_scope

if TYPE_CHECKING:
    from huying.directory.permissions import Actor


class Medium(models.TextChoices):
    AIR = "AIR", _("空气")
    WATER = "WATER", _("水质")
    NOISE = "NOISE", _("噪声")
    WEATHER = "WEATHER", _("气象")
    TRAFFIC = "TRAFFIC", _("交通")
    PEOPLE_FLOW = "PEOPLE_FLOW", _("人流")
    OTHER = "OTHER", _("其他")


class Property(models.Model):
    """An observed property, e.g. PM2.5: its code of HJ 524 / HJ 525 and its unit in this county.

    `unit` is the unit of every stored value. `wire_unit` is the unit a device is taken to send
    in where nothing else is registered for it (HJ 212-2017 annex B). A value outside
    `minimum` … `maximum` (in `unit`) is kept in quarantine.
    """

    id = models.SmallAutoField(primary_key=True)
    code = models.CharField(_("编码"), max_length=32, unique=True)
    name_zh = models.CharField(_("名称"), max_length=40)
    name_en = models.CharField(_("英文名称"), max_length=60)
    medium = models.CharField(_("类别"), max_length=12, choices=Medium.choices)
    unit = models.CharField(_("单位"), max_length=16, blank=True)
    wire_unit = models.CharField(_("设备默认单位"), max_length=16, blank=True)
    decimals = models.SmallIntegerField(_("小数位数"), default=1)
    minimum = models.FloatField(_("合理下限"), null=True, blank=True)
    maximum = models.FloatField(_("合理上限"), null=True, blank=True)
    pollutant = models.CharField(_("AQI 项目"), max_length=8, blank=True)
    is_listed = models.BooleanField(
        _("已登记"), default=True, help_text=_("设备首次发来、尚未登记的编码会自动建档，等待补全")
    )

    class Meta:
        verbose_name = _("监测项目")
        verbose_name_plural = _("监测项目")
        constraints = [
            models.CheckConstraint(
                name="sensing_property_range",
                condition=Q(minimum__isnull=True)
                | Q(maximum__isnull=True)
                | Q(minimum__lt=models.F("maximum")),
            ),
        ]

    def __str__(self) -> str:
        return self.name_zh

    @property
    def name(self) -> str:
        """Its name in the reader's language."""
        english = (get_language() or "zh").startswith("en")
        return self.name_en if english and self.name_en else self.name_zh


class DeviceQuerySet(models.QuerySet["Device"]):
    def visible_to(self, actor: "Actor") -> Self:
        """The devices in the actor's divisions or grids."""
        return self.filter(within_scope(actor, division="division_id", grid="grid_id"))


class Device(models.Model):
    """A station or instrument. `mn` is its number on the wire (设备唯一标识 MN)."""

    class Protocol(models.TextChoices):
        HJ212 = "HJ212", "HJ 212"
        MQTT = "MQTT", "MQTT"
        HTTP = "HTTP", "HTTP"

    mn = models.CharField(_("设备编号"), max_length=64, unique=True)
    name = models.CharField(_("名称"), max_length=60)
    kind = models.CharField(_("类别"), max_length=12, choices=Medium.choices)
    protocol = models.CharField(
        _("接入方式"), max_length=8, choices=Protocol.choices, default=Protocol.HJ212
    )
    password = models.CharField(
        _("访问密码"), max_length=32, blank=True, help_text=_("HJ 212 的 PW，留空则不核对")
    )
    sm4_key = SealedField(context="device.sm4_key", null=True, blank=True, editable=False)
    grid = models.ForeignKey(
        "directory.Grid",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("网格"),
    )
    division = models.ForeignKey(
        "directory.Division",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("行政区划"),
    )
    organisation = models.ForeignKey(
        "directory.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("运维单位"),
    )
    lon = models.FloatField(_("经度"), null=True, blank=True)
    lat = models.FloatField(_("纬度"), null=True, blank=True)
    minute_interval = models.SmallIntegerField(
        _("分钟数据间隔（分钟）"), default=10, help_text=_("HJ 212 的 MinInterval，默认 10")
    )
    manual_counts = models.BooleanField(
        _("手工数据参与统计"), default=False, help_text=_("标记为 S 的数据是否参与统计和预警")
    )
    frames_per_minute = models.PositiveIntegerField(
        _("每分钟报文上限"), default=600, help_text=_("超出部分转入待核数据，不影响其他设备")
    )
    enabled = models.BooleanField(_("启用"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        verbose_name = _("监测设备")
        verbose_name_plural = _("监测设备")
        constraints = [
            models.CheckConstraint(name="sensing_device_mn_given", condition=~Q(mn="")),
            models.CheckConstraint(
                name="sensing_device_place_whole",
                condition=Q(lon__isnull=True, lat__isnull=True)
                | Q(
                    # NULL passes a range: both must be there.
                    lon__isnull=False,
                    lat__isnull=False,
                    lon__range=(-180, 180),
                    lat__range=(-90, 90),
                ),
            ),
            models.CheckConstraint(
                name="sensing_device_minute_interval",
                condition=Q(minute_interval__range=(1, 60)),
            ),
            models.CheckConstraint(
                name="sensing_device_frames", condition=Q(frames_per_minute__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DeviceProperty(models.Model):
    """The unit in which one device sends one property: stored value = sent value × factor."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="properties")
    property = models.ForeignKey(Property, models.PROTECT, related_name="+")
    wire_unit = models.CharField(_("上报单位"), max_length=16)
    factor = models.FloatField(_("换算系数"))

    class Meta:
        verbose_name = _("设备监测项目")
        verbose_name_plural = _("设备监测项目")
        constraints = [
            models.UniqueConstraint(
                name="sensing_deviceproperty_once", fields=["device", "property"]
            ),
            models.CheckConstraint(name="sensing_deviceproperty_factor", condition=Q(factor__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.property_id} {self.wire_unit}"


class DeviceState(models.Model):
    """What the listeners know of a device; written every few seconds, not with each frame."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="state")

    class ClockResult(models.TextChoices):
        """What became of the last command to set the device's clock (CN 1012)."""

        SENT = "SENT", _("已下发，等待应答")
        ACCEPTED = "ACCEPTED", _("设备已接受")
        DONE = "DONE", _("已对时")
        REFUSED = "REFUSED", _("设备拒绝")
        FAILED = "FAILED", _("设备执行失败")
        NO_ANSWER = "NO_ANSWER", _("设备没有应答")

    last_heard_at = models.DateTimeField(null=True)
    last_booted_at = models.DateTimeField(null=True)
    last_refused_at = models.DateTimeField(null=True)
    last_refusal = models.CharField(max_length=32, blank=True)
    flooded_at = models.DateTimeField(null=True)
    flooded_frames = models.BigIntegerField(default=0)
    drift_seconds = models.IntegerField(null=True)
    frames = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    clock_at = models.DateTimeField(null=True)
    clock_result = models.CharField(max_length=9, choices=ClockResult.choices, blank=True)
    clock_code = models.SmallIntegerField(
        null=True, help_text="QnRtn of a refusal, ExeRtn of a failure"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sensing_devicestate_counts",
                condition=Q(frames__gte=0, refused__gte=0, flooded_frames__gte=0),
            ),
            models.CheckConstraint(
                name="sensing_devicestate_clock",
                condition=Q(clock_at__isnull=True, clock_result="", clock_code__isnull=True)
                | Q(
                    clock_at__isnull=False,
                    clock_result__in=["SENT", "ACCEPTED", "DONE", "NO_ANSWER"],
                    clock_code__isnull=True,
                )
                | Q(
                    clock_at__isnull=False,
                    clock_result__in=["REFUSED", "FAILED"],
                    clock_code__isnull=False,
                ),
            ),
        ]

    def __str__(self) -> str:
        return str(self.device_id)


class ListenerState(models.Model):
    """Counters of one listener process, flushed every few seconds: for the health page."""

    name = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=8, choices=Device.Protocol.choices)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    connections = models.IntegerField(default=0)
    frames = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    flooded = models.BigIntegerField(default=0)
    waiting = models.IntegerField(default=0)
    commit_ms = models.FloatField(default=0)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(name="sensing_listener_seen", fields=["seen_at"])]

    def __str__(self) -> str:
        return self.name


class RegistryEdition(models.Model):
    """One row: changes with every change of devices, units, rules and maintenance windows.

    Listeners keep all of that in memory and read this number with each batch. It is a time in
    microseconds, so that no two states ever share a number, not even after a roll-back.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="sensing_registryedition_one_row", condition=Q(id=1))
        ]

    def __str__(self) -> str:
        return str(self.number)
