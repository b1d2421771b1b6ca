"""Parameters the county keeps here: working years, and editions that tell caches to read anew."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class WorkingYear(models.Model):
    """The published calendar of one year: lists of ISO dates."""

    year = models.PositiveSmallIntegerField(_("年份"), primary_key=True)
    holidays = models.JSONField(_("放假日期"), default=list)
    make_up_days = models.JSONField(_("调休上班日期"), default=list)
    source = models.CharField(_("依据"), max_length=120)
    imported_at = models.DateTimeField(_("导入时间"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("工作日历")
        verbose_name_plural = _("工作日历")
        constraints = [
            models.CheckConstraint(
                condition=Q(year__gte=2000, year__lte=2200), name="working_year_plausible"
            )
        ]

    def __str__(self) -> str:
        return str(self.year)


class Edition(models.Model):
    """A number that rises when a kind of data changes, so that caches know to read again."""

    name = models.CharField(max_length=30, primary_key=True)
    number = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"
