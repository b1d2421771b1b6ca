"""What was measured: one wide row a frame, and the hour and day beside it.

A row holds parallel arrays (property, value, flag): compared with one row a value the same
data takes a fifth of the time to write and an index an eighth of the size. The keys are
(device, kind, at); `at` is the start of the period, or the moment of capture for REALTIME
(HJ 212-2017, 6.6.4).

Foreign keys to the device are not enforced by the database here: the check would cost a
look-up for each row of the hot path, devices are never deleted (`enabled` ends them), and the
only writer takes the identifiers from the device table.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from huying.sensing.models.devices import Device


class Kind(models.TextChoices):
    REALTIME = "REALTIME", _("实时")
    MINUTE = "MINUTE", _("分钟")
    HOUR = "HOUR", _("小时")
    DAY = "DAY", _("日")


def _device() -> "models.ForeignKey[Device, Device]":
    return models.ForeignKey(Device, models.DO_NOTHING, db_constraint=False, related_name="+")


class Observation(models.Model):
    """One frame as it was sent, in stored units. Partitioned by month of `at`.

    `flags` has one letter a property, as HJ 212 gives them (N normal, S manual, M maintenance …).
    `minima` and `maxima` are there where the device sent them (minute, hour, day data).
    """

    pk = models.CompositePrimaryKey("device_id", "kind", "at")
    device = _device()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    properties = ArrayField(models.SmallIntegerField())
    values = ArrayField(models.FloatField())
    flags = models.TextField()
    minima = ArrayField(models.FloatField(null=True), null=True)
    maxima = ArrayField(models.FloatField(null=True), null=True)

    class Meta:
        managed = False
        db_table = "sensing_observation"

    def __str__(self) -> str:
        return f"{self.device_id} {self.kind} {self.at:%Y-%m-%d %H:%M:%S}"


class HourTally(models.Model):
    """The running hour of a device, from REALTIME or MINUTE data: sums that only grow.

    `minutes` has one bit for each minute of the hour with a valid value, by property.
    `dirty` tells the task that closes hours that something came since the last closing.
    Partitioned by month of `at`.
    """

    pk = models.CompositePrimaryKey("device_id", "kind", "at")
    device = _device()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    at = models.DateTimeField()
    properties = ArrayField(models.SmallIntegerField())
    sums = ArrayField(models.FloatField())
    counts = ArrayField(models.IntegerField())
    minima = ArrayField(models.FloatField())
    maxima = ArrayField(models.FloatField())
    minutes = ArrayField(models.BigIntegerField())
    dirty = models.BooleanField()

    class Meta:
        managed = False
        db_table = "sensing_hour_tally"

    def __str__(self) -> str:
        return f"{self.device_id} {self.kind} {self.at:%Y-%m-%d %H:%M}"


class HourlyMean(models.Model):
    """The hour of a device as it counts. `origins`: one letter a property.

    D sent by the device (CN 2061), which always prevails; C computed from ≥ 45 valid minutes
    (GB 3095-2026: at least 45 minutes of data make an hour). Partitioned by year of `at`.
    """

    pk = models.CompositePrimaryKey("device_id", "at")
    device = _device()
    at = models.DateTimeField()
    properties = ArrayField(models.SmallIntegerField())
    means = ArrayField(models.FloatField())
    minima = ArrayField(models.FloatField(null=True))
    maxima = ArrayField(models.FloatField(null=True))
    origins = models.TextField()

    class Meta:
        managed = False
        db_table = "sensing_hourly_mean"

    def __str__(self) -> str:
        return f"{self.device_id} {self.at:%Y-%m-%d %H:%M}"


class DailyMean(models.Model):
    """The day (of the county's time zone) of a device: the mean of its hourly means.

    `hours` tells how many hours there were; fewer than 20 do not make a valid day
    (GB 3095-2026, table 4).
    """

    pk = models.CompositePrimaryKey("device_id", "date")
    device = _device()
    date = models.DateField()
    properties = ArrayField(models.SmallIntegerField())
    means = ArrayField(models.FloatField())
    minima = ArrayField(models.FloatField())
    maxima = ArrayField(models.FloatField())
    hours = ArrayField(models.SmallIntegerField())

    class Meta:
        managed = False
        db_table = "sensing_daily_mean"

    def __str__(self) -> str:
        return f"{self.device_id} {self.date}"
