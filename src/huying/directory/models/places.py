"""Divisions (statistical codes), grids (GB/T 34300) and organisations."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Division(models.Model):
    """A county, township or village; 12-digit statistical division code."""

    class Kind(models.TextChoices):
        COUNTY = "COUNTY", _("县")
        TOWNSHIP = "TOWNSHIP", _("乡镇（街道）")
        VILLAGE = "VILLAGE", _("村（社区）")

    code = models.CharField(_("区划代码"), max_length=12, primary_key=True)
    name = models.CharField(_("名称"), max_length=60)
    kind = models.CharField(_("层级"), max_length=8, choices=Kind)
    parent = models.ForeignKey(
        "self",
        verbose_name=_("上级"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
    )
    boundary = models.JSONField(_("边界（GeoJSON）"), null=True, blank=True)
    center_lon = models.FloatField(_("中心经度"), null=True, blank=True)
    center_lat = models.FloatField(_("中心纬度"), null=True, blank=True)

    class Meta:
        verbose_name = _("区划")
        verbose_name_plural = _("区划")
        constraints = [
            models.CheckConstraint(
                condition=Q(code__regex=r"^[0-9]{12}$"), name="division_code_is_12_digits"
            ),
            models.CheckConstraint(
                condition=(Q(kind="COUNTY") & Q(parent__isnull=True))
                | (~Q(kind="COUNTY") & Q(parent__isnull=False)),
                name="division_below_county_has_parent",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Grid(models.Model):
    """The smallest unit of governance. Boundary: GeoJSON Polygon or MultiPolygon, EPSG:4490."""

    class Kind(models.TextChoices):
        GENERAL = "GENERAL", _("网格")
        SPECIAL = "SPECIAL", _("专属网格")

    code = models.CharField(_("网格编码"), max_length=15, primary_key=True)
    name = models.CharField(_("名称"), max_length=60)
    kind = models.CharField(_("类别"), max_length=8, choices=Kind, default=Kind.GENERAL)
    division = models.ForeignKey(
        Division, verbose_name=_("所属村（社区）"), on_delete=models.PROTECT, related_name="grids"
    )
    boundary = models.JSONField(_("边界（GeoJSON）"))
    min_lon = models.FloatField(editable=False)
    min_lat = models.FloatField(editable=False)
    max_lon = models.FloatField(editable=False)
    max_lat = models.FloatField(editable=False)
    center_lon = models.FloatField(editable=False)
    center_lat = models.FloatField(editable=False)

    class Meta:
        verbose_name = _("网格")
        verbose_name_plural = _("网格")
        constraints = [
            models.CheckConstraint(
                condition=Q(code__regex=r"^[0-9]{15}$"), name="grid_code_is_15_digits"
            ),
            models.CheckConstraint(
                condition=Q(code__startswith=models.F("division_id")),
                name="grid_code_begins_with_village",
            ),
            models.CheckConstraint(
                condition=Q(min_lon__lte=models.F("max_lon")) & Q(min_lat__lte=models.F("max_lat")),
                name="grid_bounds_in_order",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Organisation(models.Model):
    """A department, township, village committee, centre or other unit that answers cases."""

    class Kind(models.TextChoices):
        DEPARTMENT = "DEPARTMENT", _("部门")
        TOWNSHIP = "TOWNSHIP", _("乡镇（街道）")
        VILLAGE = "VILLAGE", _("村（社区）")
        CENTRE = "CENTRE", _("综治中心")
        OTHER = "OTHER", _("其他")

    code = models.CharField(_("代码"), max_length=32, unique=True)
    name = models.CharField(_("名称"), max_length=80)
    short_name = models.CharField(_("简称"), max_length=30)
    kind = models.CharField(_("类别"), max_length=10, choices=Kind)
    division = models.ForeignKey(
        Division,
        verbose_name=_("所在区划"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="organisations",
    )
    parent = models.ForeignKey(
        "self",
        verbose_name=_("上级单位"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="subordinates",
    )
    phone = models.CharField(_("电话"), max_length=30, blank=True, default="")
    address = models.CharField(_("地址"), max_length=120, blank=True, default="")
    opening_hours = models.CharField(
        _("办公时间"),
        max_length=80,
        blank=True,
        default="",
        help_text=_("群众看得到，如：周一至周五 8:30—12:00、14:00—17:30"),
    )

    class Meta:
        verbose_name = _("单位")
        verbose_name_plural = _("单位")

    def __str__(self) -> str:
        return self.short_name
