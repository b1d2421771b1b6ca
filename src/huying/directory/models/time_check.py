"""What was last found when the clocks were compared."""

from django.db import models
from django.db.models import Q


class TimeCheck(models.Model):
    """The one row: the newest look at the clocks (`rules/trusted_time.py`), by the database's.

    `apart_s`, `apart_at`: when a process last found its clock and the database's too far apart,
    and by how much.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    checked_at = models.DateTimeField()
    machine = models.CharField(max_length=36)
    steady_s = models.FloatField()
    ahead_s = models.FloatField(default=0.0)
    wait_s = models.FloatField(default=0.0)
    apart_s = models.FloatField(default=0.0)
    apart_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="time_check_one_row"),
            models.CheckConstraint(
                condition=Q(ahead_s=0, wait_s=0) | Q(ahead_s__gt=0, wait_s__gt=0),
                name="time_check_waits_where_ahead",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.checked_at:%Y-%m-%d %H:%M:%S}"
