"""Counts kept as they happen, so that no board scans history."""

from django.db import models
from django.db.models import Q


class Measure(models.TextChoices):
    """What a tally counts. OPEN has no day: it is what stands now, by state."""

    OPEN = "OPEN"
    RECEIVED = "RECEIVED"  # reports taken in that day
    OPENED = "OPENED"  # cases begun
    CLOSED = "CLOSED"  # cases ended; state = ON_TIME | LATE
    REPLIED = "REPLIED"  # reports answered
    RATED = "RATED"  # state = the rating
    OVERDUE = "OVERDUE"  # clocks that ran out


class CaseTally(models.Model):
    """One change of a count. Changes are appended with the act and folded by a job.

    A count is the sum over its rows; `day` is the county's local date.
    """

    measure = models.CharField(max_length=10, choices=Measure)
    day = models.DateField(null=True)
    procedure = models.CharField(max_length=40)
    state = models.CharField(max_length=40, blank=True, default="")
    organisation_id = models.BigIntegerField(default=0)  # 0 = none yet
    division_code = models.CharField(max_length=12)
    grid_code = models.CharField(max_length=15, blank=True, default="")
    category = models.CharField(max_length=40, blank=True, default="")
    count = models.IntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(measure__in=Measure.values), name="tally_measure_known"
            ),
            models.CheckConstraint(
                condition=Q(measure="OPEN", day__isnull=True)
                | (~Q(measure="OPEN") & Q(day__isnull=False)),
                name="tally_day",
            ),
        ]
        # Each row is in one of them, with all that the desk and the leader's pages add up.
        indexes = [
            models.Index(
                fields=["procedure", "state"],
                include=["organisation_id", "division_code", "grid_code", "count"],
                name="tally_open_counts",
                condition=Q(measure="OPEN"),
            ),
            models.Index(
                fields=["day", "measure", "state"],
                include=["count"],
                name="tally_day_counts",
                condition=Q(day__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.measure} {self.count:+d}"
