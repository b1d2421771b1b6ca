"""Divisions, grids, organisations and the duty roster."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from huying.directory import actions
from huying.directory.admin.acting import ActingAdmin, ActionForm
from huying.directory.admin.importing import ImportableAdmin
from huying.directory.models import Division, DutyShift, Grid, Organisation
from huying.directory.permissions import Actor, Permission
from huying.directory.queries import actor_of
from huying.directory.rules import imports


class DivisionForm(ActionForm):
    def act(self, by: Actor) -> str:
        code = self.cleaned_data.get("code") or self.instance.code
        actions.import_divisions(
            divisions=[
                actions.NewDivision(
                    code=code,
                    name=self.cleaned_data["name"],
                    boundary=self.cleaned_data["boundary"],
                    center_lon=self.cleaned_data["center_lon"],
                    center_lat=self.cleaned_data["center_lat"],
                )
            ],
            by=by,
        )
        return str(code)


@admin.register(Division)
class DivisionAdmin(ImportableAdmin[Division]):
    form = DivisionForm
    fields = ("code", "name", "boundary", "center_lon", "center_lat")
    key_fields = ("code",)
    list_display = ("name", "code", "kind", "parent")
    list_filter = ("kind",)
    search_fields = ("name", "code")
    ordering = ("code",)
    list_select_related = ("parent",)
    import_guide = gettext_lazy(
        "GeoJSON（每个要素有 code、name 属性）或 CSV（首行：代码,名称,边界，边界可空，"
        "写 WKT 或 GeoJSON）。坐标用 CGCS2000 经纬度，经度在前。代码已有的会更新。"
    )
    read = imports.read_divisions

    def take(self, rows: Sequence[Any], by: Actor) -> actions.ImportResult:
        return actions.import_divisions(divisions=rows, by=by)


class GridForm(ActionForm):
    def act(self, by: Actor) -> str:
        code = self.cleaned_data.get("code") or self.instance.code
        actions.import_grids(
            grids=[
                actions.NewGrid(
                    code=code,
                    name=self.cleaned_data["name"],
                    kind=self.cleaned_data["kind"],
                    boundary=self.cleaned_data["boundary"],
                )
            ],
            by=by,
        )
        return str(code)


@admin.register(Grid)
class GridAdmin(ImportableAdmin[Grid]):
    form = GridForm
    fields = ("code", "name", "kind", "boundary")
    key_fields = ("code",)
    list_display = ("name", "code", "kind", "division")
    list_filter = ("kind",)
    search_fields = ("name", "code", "division__name")
    ordering = ("code",)
    list_select_related = ("division",)
    import_guide = gettext_lazy(
        "GeoJSON（每个要素有 code、name、kind 属性）或 CSV（首行：编码,名称,类别,边界，"
        "边界写 WKT 或 GeoJSON）。编码 15 位，前 12 位是所属村（社区）；类别写“网格”或“专属网格”。"
    )
    read = imports.read_grids

    def take(self, rows: Sequence[Any], by: Actor) -> actions.ImportResult:
        return actions.import_grids(grids=rows, by=by)

    def has_delete_permission(self, request: HttpRequest, obj: Grid | None = None) -> bool:
        return actor_of(request).may(Permission.DIRECTORY_MANAGE)

    def delete_model(self, request: HttpRequest, obj: Grid) -> None:
        actions.delete_grid(code=obj.code, by=actor_of(request))


class OrganisationForm(ActionForm):
    def act(self, by: Actor) -> int:
        data = self.cleaned_data
        code = data.get("code") or self.instance.code
        actions.import_organisations(
            organisations=[
                actions.NewOrganisation(
                    code=code,
                    name=data["name"],
                    short_name=data["short_name"],
                    kind=data["kind"],
                    division_code=data["division"].code if data["division"] else "",
                    parent_code=data["parent"].code if data["parent"] else "",
                    phone=data["phone"],
                    address=data["address"],
                    opening_hours=data["opening_hours"],
                )
            ],
            by=by,
        )
        return Organisation.objects.get(code=code.strip()).pk


@admin.register(Organisation)
class OrganisationAdmin(ImportableAdmin[Organisation]):
    form = OrganisationForm
    fields = (
        *("code", "name", "short_name", "kind", "division", "parent"),
        *("phone", "address", "opening_hours"),
    )
    key_fields = ("code",)
    list_display = ("short_name", "name", "kind", "division", "phone")
    list_filter = ("kind",)
    search_fields = ("name", "short_name", "code")
    ordering = ("kind", "code")
    list_select_related = ("division",)
    import_guide = gettext_lazy(
        "CSV，首行：代码,名称,简称,类别,区划,上级,电话,地址,办公时间。类别写“部门、乡镇、村、综治中心、其他”"
        "之一；上级写上级单位的代码，可空。"
    )
    read = imports.read_organisations

    def take(self, rows: Sequence[Any], by: Actor) -> actions.ImportResult:
        return actions.import_organisations(organisations=rows, by=by)


class ShiftForm(ActionForm):
    def act(self, by: Actor) -> int:
        data = self.cleaned_data
        if self.instance.pk:
            actions.remove_shift(shift_id=self.instance.pk, by=by)
        actions.set_shifts(
            shifts=[
                actions.NewShift(
                    organisation_id=data["organisation"].pk,
                    account_id=data["account"].pk,
                    starts_at=data["starts_at"],
                    ends_at=data["ends_at"],
                    rank=data["rank"],
                )
            ],
            by=by,
        )
        return DutyShift.objects.get(
            organisation=data["organisation"], account=data["account"], starts_at=data["starts_at"]
        ).pk


class WhenFilter(admin.SimpleListFilter):
    """Who is on duty now comes first; what is past must be asked for."""

    title = gettext_lazy("时间")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("past", _("已过去的")), ("all", _("全部"))]

    def choices(self, changelist: Any) -> Any:
        usual, *others = super().choices(changelist)
        return [{**usual, "display": _("现在和以后")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "all":
                return queryset
            case "past":
                return queryset.filter(ends_at__lte=timezone.now())
            case _:
                return queryset.filter(ends_at__gt=timezone.now())


@admin.register(DutyShift)
class DutyShiftAdmin(ActingAdmin[DutyShift]):
    form = ShiftForm
    fields = ("organisation", "account", "starts_at", "ends_at", "rank")
    list_display = ("organisation", "account", "starts_at", "ends_at", "rank")
    list_filter = (WhenFilter, "organisation")
    search_fields = ("account__name", "organisation__short_name")
    search_help_text = gettext_lazy("值班人或单位")
    ordering = ("starts_at", "organisation_id", "rank")
    list_select_related = ("organisation", "account")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DutyShift]:
        return super().get_queryset(request).select_related("organisation", "account")

    def has_delete_permission(self, request: HttpRequest, obj: DutyShift | None = None) -> bool:
        return actor_of(request).may(Permission.DIRECTORY_MANAGE)

    def delete_model(self, request: HttpRequest, obj: DutyShift) -> None:
        actions.remove_shift(shift_id=obj.pk, by=actor_of(request))
