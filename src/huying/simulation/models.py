"""What of a simulated county is in the database already: the memory of a build broken off."""

from django.db import models
from django.db.models.functions import Now


class Part(models.Model):
    """One part, whole: its row is committed together with what the part consists of.

    `facts` holds what later parts need to know of it, or how many of what came in (`count`).
    """

    name = models.CharField(primary_key=True, max_length=40)
    facts = models.JSONField(default=dict)
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "simulation_part"

    def __str__(self) -> str:
        return self.name
