"""The table of responsibilities (责任清单) among the master data."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from huying.cases import actions, queries
from huying.cases.models import Category, ResponsibilityRule
from huying.cases.rules.responsibility import BETWEEN_UNITS, COLUMNS, PREFIX_LENGTHS
from huying.cases.rules.wording import english
from huying.cases.tables import table_file
from huying.directory import actions as directory_actions
from huying.directory import queries as directory
from huying.directory.admin.acting import ActionForm
from huying.directory.admin.importing import ImportableAdmin
from huying.directory.permissions import Actor, DomainError, NotAllowed, Permission
from huying.directory.queries import actor_of
from huying.standards.errors import InvalidInput

_WHOLE_COUNTY = "county"


def _territory(prefix: str) -> str:
    """A division prefix in words."""
    if not prefix:
        return _("全县")
    code = prefix.ljust(12, "0")
    return directory.division_names([code]).get(code, prefix)


class RuleForm(ActionForm):
    territory = forms.ChoiceField(
        label=gettext_lazy("区划"),
        required=False,
        help_text=gettext_lazy("同一类别在几级都有规定时，按最小的区划派单。"),
    )

    class Meta:
        model = ResponsibilityRule
        fields = ("category", "organisation", "assisting", "urgency", "source", "end_date")
        help_texts = {
            "urgency": gettext_lazy("这一类来件至少按这个紧急程度办。"),
            "source": gettext_lazy("例如《县城管局权责清单》第 12 项。"),
            "end_date": gettext_lazy("从这一天起不再按这一条派单；空着表示一直有效。"),
        }
        widgets = {"assisting": forms.CheckboxSelectMultiple(attrs={"class": "adm-picks"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["territory"]
        below = [one for one in directory.divisions() if one.kind != "COUNTY"]
        names = directory.division_names([one.code for one in below])
        field.choices = [
            ("", _("全县")),
            *((one.code[: PREFIX_LENGTHS[one.kind]], names[one.code]) for one in below),
        ]

    def act(self, by: Actor) -> int:
        data = self.cleaned_data
        known = self.instance.pk is not None
        category = self.instance.category_id if known else data["category"].pk
        prefix = self.instance.division_prefix if known else data["territory"]
        if not known and ResponsibilityRule.objects.filter(
            category_id=category, division_prefix=prefix
        ):
            raise DomainError(
                "这个类别在这个区划已有一条，请打开那一条修改。",
                "There is one for this category and territory; open that one and change it.",
            )
        actions.set_responsibilities(
            rules=[
                actions.NewResponsibility(
                    category=category,
                    division_prefix=prefix,
                    organisation_id=data["organisation"].pk,
                    assisting_ids=tuple(
                        unit.pk for unit in data["assisting"] if unit != data["organisation"]
                    ),
                    urgency=data["urgency"],
                    source=data["source"],
                    end_date=data["end_date"],
                )
            ],
            by=by,
        )
        return ResponsibilityRule.objects.get(category_id=category, division_prefix=prefix).pk


class TerritoryFilter(admin.SimpleListFilter):
    title = gettext_lazy("区划")
    parameter_name = "territory"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        prefixes = ResponsibilityRule.objects.order_by("division_prefix").values_list(
            "division_prefix", flat=True
        )
        return [(one or _WHOLE_COUNTY, _territory(one)) for one in prefixes.distinct()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ResponsibilityRule]
    ) -> QuerySet[ResponsibilityRule]:
        chosen = self.value()
        if not chosen:
            return queryset
        return queryset.filter(division_prefix="" if chosen == _WHOLE_COUNTY else chosen)


class ForceFilter(admin.SimpleListFilter):
    title = gettext_lazy("状态")
    parameter_name = "force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", _("生效")), ("ended", _("已停用"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ResponsibilityRule]
    ) -> QuerySet[ResponsibilityRule]:
        in_force = ResponsibilityRule.in_force(timezone.localdate())
        if self.value() == "now":
            return queryset.filter(in_force)
        return queryset.exclude(in_force) if self.value() == "ended" else queryset


@admin.register(ResponsibilityRule)
class ResponsibilityRuleAdmin(ImportableAdmin[ResponsibilityRule]):
    form = RuleForm
    key_fields = ("category", "territory_name")
    list_display = (
        "category",
        "territory_name",
        "organisation",
        "on_duty",
        "helpers",
        "urgency",
        "source",
        "end_date",
    )
    list_filter = (
        ("category", admin.RelatedOnlyFieldListFilter),
        TerritoryFilter,
        ForceFilter,
        ("organisation", admin.RelatedOnlyFieldListFilter),
    )
    search_fields = (
        "category__name",
        "category__code",
        "category__keywords",
        "organisation__name",
        "organisation__short_name",
        "source",
    )
    ordering = ("category__parent__position", "category__position", "division_prefix")
    list_select_related = ("category", "organisation")
    import_guide = gettext_lazy(
        "CSV，首行：类别,区划,主办单位,协办单位,依据,紧急程度,停用日期，后四列可以没有。类别写名称或代码；"
        "区划写代码，空着表示全县；单位写代码、名称或简称，几个单位同名的写代码，几个协办单位用顿号隔开。"
        "类别和区划相同的会更新。有一行不对，就一行也不导入。"
    )
    read = actions.read_responsibilities

    def take(self, rows: Sequence[Any], by: Actor) -> directory_actions.ImportResult:
        return directory_actions.ImportResult(actions.set_responsibilities(rules=rows, by=by))

    def refused(self, error: DomainError | InvalidInput) -> list[str]:
        if isinstance(error, actions.TableRefused):
            told = [en if english() else zh for zh, en in error.wrong]
            return [_("没有导入任何一行，请改正下面几处："), *told]
        return super().refused(error)

    def get_fields(self, request: HttpRequest, obj: ResponsibilityRule | None = None) -> Any:
        territory = "territory" if obj is None else "territory_name"
        return (
            "category",
            territory,
            "organisation",
            "assisting",
            "urgency",
            "source",
            "end_date",
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ResponsibilityRule]:
        return super().get_queryset(request).prefetch_related("assisting")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Also by the name of a territory."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        if term:
            named = Q(pk__in=[])
            for one in directory.divisions():
                if term in one.name:
                    named |= Q(division_prefix=one.code[: PREFIX_LENGTHS[one.kind]])
            found = found | queryset.filter(named)
        return found, duplicates

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "category":
            kwargs["queryset"] = Category.objects.filter(
                code__in=[one.code for one in queries.categories()]
            ).order_by("parent__position", "position")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Each row of the page with the officers on duty in its unit, asked for all at once."""
        found = super().get_changelist_instance(request)
        rows: Any = found.result_list
        units = {row.organisation_id for row in rows}
        duty = directory.officers_on_duty_in(units, timezone.now())
        names = directory.account_names({one for ids in duty.values() for one in ids})
        for row in rows:
            row.officers = [names[one] for one in duty[row.organisation_id] if one in names]
        return found

    @admin.display(description=gettext_lazy("区划"), ordering="division_prefix")
    def territory_name(self, row: ResponsibilityRule) -> str:
        return _territory(row.division_prefix)

    @admin.display(description=gettext_lazy("协办单位"))
    def helpers(self, row: ResponsibilityRule) -> str:
        return BETWEEN_UNITS.join(unit.short_name for unit in row.assisting.all()) or "—"

    @admin.display(description=gettext_lazy("现在谁接件"))
    def on_duty(self, row: Any) -> str:
        return BETWEEN_UNITS.join(row.officers[:3]) or _("没有人值班")

    def get_urls(self) -> list[Any]:
        export = self.admin_site.admin_view(self.export_view)
        own = path("export/", export, name="cases_responsibilityrule_export")
        return [own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        export_url = reverse("admin:cases_responsibilityrule_export")
        return super().changelist_view(request, {**(extra_context or {}), "export_url": export_url})

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The whole table as a file that can be read in again."""
        if not self.has_view_permission(request):
            raise NotAllowed(Permission.DIRECTORY_MANAGE)
        rows = list(queries.responsibility_table())
        actions.record_export(
            what="responsibilities", filters={}, words={}, rows=len(rows), by=actor_of(request)
        )
        name = f"{_('责任清单')}-{timezone.localdate():%Y%m%d}.csv"
        return table_file(name, COLUMNS, rows)
