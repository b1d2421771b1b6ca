"""What a county fills in for itself: categories, who answers for what, procedures it used."""

from datetime import date

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from huying.cases.rules.vocabulary import Kind, Urgency


class Category(models.Model):
    """What a matter is about. There is no national list: this one is replaceable.

    `code` is also the Open311 service code.
    """

    code = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=40)
    name_en = models.CharField(max_length=80, blank=True, default="")
    description = models.CharField(max_length=200, blank=True, default="")
    description_en = models.CharField(max_length=200, blank=True, default="")
    keywords = models.CharField(max_length=400, blank=True, default="")  # space separated
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.HELP)
    # Lamps, roads, bins: where it is may be published exactly, as it is nobody's home.
    public_place = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-Z][A-Z0-9_]*$"), name="category_code"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="category_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name


class ResponsibilityRule(models.Model):
    """Who answers for what, where: category × territory → organisation.

    `division_prefix` "" = the whole county; the longest prefix that matches decides.
    `source` names the list of duties it comes from (权责清单, 履职事项清单).
    """

    category = models.ForeignKey(
        Category, models.CASCADE, verbose_name=_("类别"), related_name="rules"
    )
    division_prefix = models.CharField(_("区划"), max_length=12, blank=True, default="")
    organisation = models.ForeignKey(
        "directory.Organisation", models.PROTECT, verbose_name=_("主办单位"), related_name="+"
    )
    assisting = models.ManyToManyField(
        "directory.Organisation", verbose_name=_("协办单位"), related_name="+", blank=True
    )
    urgency = models.CharField(
        _("紧急程度"), max_length=10, choices=Urgency, default=Urgency.NORMAL
    )
    source = models.CharField(_("依据"), max_length=200, blank=True, default="")
    end_date = models.DateField(_("停用日期"), null=True, blank=True)  # first day without it

    class Meta:
        verbose_name = _("责任清单条目")
        verbose_name_plural = _("责任清单")
        constraints = [
            models.UniqueConstraint(
                fields=["category", "division_prefix"],
                name="responsibility_rule_once",
            ),
            models.CheckConstraint(
                condition=Q(division_prefix__regex=r"^\d{0,12}$"),
                name="responsibility_rule_prefix",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.division_prefix}".strip()

    @staticmethod
    def in_force(on: date) -> Q:
        """Those that decide on this day."""
        return Q(category__active=True) & (Q(end_date__isnull=True) | Q(end_date__gt=on))


class ProcedureVersion(models.Model):
    """The text of every procedure a case was ever begun under, so that it can be read again."""

    name = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    source = models.TextField()
    loaded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="procedure_version_once"),
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="procedure_version_digest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"
