"""What could not be taken: kept as it came, with its reason, until somebody mends the cause."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Quarantine(models.Model):
    """One frame or reading in quarantine.

    `reason` is a code of `rules.refusals`; `detail` holds what its sentence needs. `raw` is
    what came, byte for byte (at most 64 KiB of it). `mn` is the device it claims to be.
    """

    class Outcome(models.TextChoices):
        WAITING = "WAITING", _("待核")
        ACCEPTED = "ACCEPTED", _("已重新入库")
        DUPLICATE = "DUPLICATE", _("早已入库")
        DISMISSED = "DISMISSED", _("不采用")

    received_at = models.DateTimeField()
    listener = models.CharField(max_length=8)
    peer = models.CharField(max_length=64, blank=True)
    mn = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=32)
    detail = models.JSONField(default=dict)
    raw = models.BinaryField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=80, blank=True)
    attempts = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sensing_quarantine_settled",
                condition=Q(outcome="WAITING", settled_at__isnull=True)
                | (~Q(outcome="WAITING") & Q(settled_at__isnull=False)),
            )
        ]
        indexes = [
            models.Index(
                name="sensing_quarantine_waiting",
                fields=["reason", "-id"],
                condition=Q(outcome="WAITING"),
            ),
            models.Index(name="sensing_quarantine_received", fields=["received_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.mn}"
