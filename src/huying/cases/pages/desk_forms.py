"""Forms of the desk: any step of any procedure, and what stands outside procedures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from huying.cases import queries
from huying.cases.pages.act_forms import ActForm
from huying.cases.pages.report_forms import PhotosField
from huying.cases.queries import (
    CaseRow,
    CaseView,
    EarlierReport,
    NeedKind,
    OfferedAction,
    Rating,
    ReportView,
)
from huying.directory import queries as directory
from huying.directory.permissions import Role

MOST_WORDS: Final = 60
_KIND_ORDER: Final = ("CENTRE", "DEPARTMENT", "TOWNSHIP", "OTHER", "VILLAGE")


@dataclass(frozen=True, slots=True)
class Option:
    """A line of a picker; `also` is searched but not shown."""

    value: str
    label: str
    hint: str = ""
    also: str = ""


def unit_options() -> list[Option]:
    """All units, departments first, villages last."""
    found = sorted(
        directory.organisations(),
        key=lambda one: (
            _KIND_ORDER.index(one.kind) if one.kind in _KIND_ORDER else len(_KIND_ORDER),
            one.id,
        ),
    )
    return [
        Option(
            str(one.id),
            one.short_name or one.name,
            one.name if one.short_name and one.short_name != one.name else "",
            one.code,
        )
        for one in found
    ]


def officer_options(unit_ids: Sequence[int]) -> list[Option]:
    """The officers and heads of these units."""
    roles = (Role.OFFICER, Role.UNIT_HEAD)
    staff = {
        account: (unit, role)
        for unit in unit_ids
        for account, role in directory.staff_of(unit, roles=roles)
    }
    names = directory.account_names(list(staff))
    return [
        Option(str(account), names.get(account, ""), role.label)
        for account, (_unit, role) in staff.items()
    ]


def category_options() -> list[Option]:
    return [
        Option(one.code, one.name, one.parent_name, " ".join(one.keywords))
        for one in queries.categories()
    ]


class DeskActForm(ActForm):
    """A step taken at the desk: pickers that are searched by typing, and which report it is of."""

    def __init__(self, offer: OfferedAction, view: CaseView, *args: Any, **kwargs: Any) -> None:
        super().__init__(offer, *args, **kwargs)
        units = [view.case.unit_id] if view.case.unit_id else []
        for need in offer.needs:
            field: Any = self.fields[need.name]
            if need.kind in {NeedKind.UNIT, NeedKind.UNITS}:
                field.options = unit_options()
            elif need.kind is NeedKind.CATEGORY:
                field.options = category_options()
            elif need.kind is NeedKind.ACCOUNT:
                field.options = officer_options(units)
            if need.name == "unit" and view.case.unit_id is None:
                rule = queries.responsible(view.case.category, view.case.division_code)
                if rule is not None and not self.is_bound:
                    self.initial.setdefault(need.name, str(rule.organisation_id))
        if offer.scope == "REPORT":
            self.fields["report"] = report_field(_concerned(offer, view))
            self.order_fields(["version", "report"])

    def report_id(self) -> int | None:
        """Which report the step is of; None for a step of the whole case."""
        found = self.cleaned_data.get("report")
        return int(found) if found else None

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in super().values().items() if name != "report"}


def _concerned(offer: OfferedAction, view: CaseView) -> Sequence[ReportView]:
    """The reports such a step can be of: those whose callback is owed, for a callback."""
    waiting = [one for one in view.reports if one.state == "CALLBACK"]
    if offer.code == "call_back" and waiting:
        return waiting
    return [one for one in view.reports if one.state != "WITHDRAWN"]


def report_field(reports: Sequence[ReportView]) -> forms.ChoiceField:
    """One of these reports; the only one is chosen already."""
    found = forms.ChoiceField(
        label=_("哪一件诉求"),
        choices=[
            (str(one.id), f"{one.reporter_name}{_('：')}{words(one.text)}") for one in reports
        ],
        initial=str(reports[0].id) if len(reports) == 1 else None,
        widget=forms.RadioSelect,
        error_messages={"required": _("请点一件诉求。")},
    )
    found.need_kind = "REPORT"  # type: ignore[attr-defined]  # a note for the template
    return found


def words(text: str) -> str:
    """The beginning of what somebody said."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_WORDS else f"{line[:MOST_WORDS]}…"


def _picked(field: forms.Field, kind: str, options: list[Option]) -> forms.Field:
    field.need_kind = kind  # type: ignore[attr-defined]  # notes for the template
    field.options = options  # type: ignore[attr-defined]  # read by the template
    return field


class BulkDispatchForm(forms.Form):
    """One unit for several cases."""

    remark = forms.CharField(
        label=_("情况说明"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "bulk_%s")
        super().__init__(*args, **kwargs)
        options = unit_options()
        self.fields["unit"] = _picked(
            forms.TypedChoiceField(
                label=_("承办单位"),
                choices=[(one.value, one.label) for one in options],
                coerce=int,
                widget=forms.RadioSelect,
                error_messages={"required": _("请选一个承办单位。")},
            ),
            "UNIT",
            options,
        )
        self.order_fields(["unit", "remark"])


class MergeForm(forms.Form):
    """Which of the chosen cases the others go into."""

    note = forms.CharField(
        label=_("为什么是同一件事"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, rows: Sequence[CaseRow], *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "merge_%s")
        super().__init__(*args, **kwargs)
        self.fields["into"] = _picked(
            forms.TypedChoiceField(
                label=_("并入哪一件"),
                choices=[(str(row.id), f"{row.number} {row.title}") for row in rows],
                coerce=int,
                # The one that has been open longest keeps its number.
                initial=str(min((row.id for row in rows), default="")),
                widget=forms.RadioSelect,
                error_messages={"required": _("请选一件。")},
            ),
            "REPORT",
            [],
        )
        self.order_fields(["into", "note"])


class SplitForm(forms.Form):
    """Which reports get a case of their own."""

    note = forms.CharField(
        label=_("为什么要分开"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, view: CaseView, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "split_%s")
        super().__init__(*args, **kwargs)
        self.fields["reports"] = _picked(
            forms.TypedMultipleChoiceField(
                label=_("分出哪几件诉求"),
                help_text=_(
                    "至少留一件在原事项里。分出去的有自己的编号，重新派单；回执、时限、评价不变。"
                ),
                choices=[
                    (str(one.id), f"{one.reporter_name}{_('：')}{words(one.text)}")
                    for one in view.reports
                ],
                coerce=int,
                widget=forms.CheckboxSelectMultiple,
                error_messages={"required": _("请勾选要分出去的诉求。")},
            ),
            "REPORTS",
            [],
        )
        self.order_fields(["reports", "note"])


class RateForm(forms.Form):
    """What somebody thinks of the answer to one report."""

    comment = forms.CharField(
        label=_("还说了什么"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, reports: Sequence[ReportView], *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "rate_%s")
        super().__init__(*args, **kwargs)
        self.fields["report"] = report_field(reports)
        self.fields["rating"] = _picked(
            forms.ChoiceField(
                label=_("怎么评价"),
                choices=Rating.choices,
                widget=forms.RadioSelect,
                error_messages={"required": _("请点一个评价。")},
            ),
            "CHOICE",
            [],
        )
        self.order_fields(["report", "rating", "comment"])


class RepeatForm(forms.Form):
    """Which report repeats which earlier one."""

    number = forms.CharField(
        label=_("原来那件的事项编号或回执号"),
        max_length=40,
        required=False,
        error_messages={"required": _("请填原来那件的事项编号或回执号。")},
    )

    def __init__(
        self,
        reports: Sequence[ReportView],
        earlier: Sequence[EarlierReport],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("auto_id", "repeat_%s")
        super().__init__(*args, **kwargs)
        self.fields["report"] = report_field(reports)
        self.order_fields(["report", "earlier", "number"])
        if not earlier:
            self.fields["number"].required = True
            return
        self.fields["number"].label = _("不在上面的，填事项编号或回执号")
        self.fields["earlier"] = _picked(
            forms.TypedChoiceField(
                label=_("同一个人以前反映过的"),
                choices=[(str(one.id), f"{one.case_number} {words(one.title)}") for one in earlier],
                coerce=int,
                empty_value=None,
                required=False,
                widget=forms.RadioSelect,
            ),
            "REPORT",
            [],
        )
        self.order_fields(["report", "earlier", "number"])

    def clean(self) -> dict[str, Any]:
        data = dict(super().clean() or {})
        if "earlier" in self.fields and not (data.get("earlier") or data.get("number")):
            self.add_error("earlier", _("请点一件，或者填编号。"))
        return data


NO_SYSTEM: Final = _("请写明是哪个系统。")
NO_NUMBER: Final = _("请写明编号。")


def system_field(*, required: bool) -> forms.CharField:
    """Whose number it is."""
    return forms.CharField(
        label=_("哪个系统"),
        help_text=_("如：市 12345 热线、国家信访平台、法院"),
        max_length=40,
        required=required,
        error_messages={"required": NO_SYSTEM},
    )


def number_field(*, required: bool) -> forms.CharField:
    """The number a case has there."""
    return forms.CharField(
        label=_("那边的编号"),
        max_length=80,
        required=required,
        error_messages={"required": NO_NUMBER},
    )


class ReferenceForm(forms.Form):
    """The number a case has elsewhere."""

    system = system_field(required=True)
    number = number_field(required=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "reference_%s")
        super().__init__(*args, **kwargs)


class PeopleForm(forms.Form):
    """涉及人数."""

    number = forms.IntegerField(
        label=_("涉及多少人"),
        min_value=1,
        max_value=1_000_000,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        error_messages={
            "required": _("请填人数。"),
            "invalid": _("请填数字。"),
            "min_value": _("至少是 1 人。"),
        },
    )
    note = forms.CharField(label=_("怎么得知的"), required=False, max_length=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "people_%s")
        super().__init__(*args, **kwargs)


class PaperForm(forms.Form):
    """A scan or a picture to add to the file."""

    papers = PhotosField(
        label=_("扫描件或照片"),
        help_text=_("图片或 PDF，每份 12 MB 以内。照片里的位置信息会去掉。"),
        error_messages={"required": _("请选一个文件。")},
    )
    note = forms.CharField(label=_("是什么材料"), required=False, max_length=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "paper_%s")
        super().__init__(*args, **kwargs)
        self.fields["papers"].widget.attrs["accept"] = "image/*,application/pdf"


class RevealForm(forms.Form):
    """What of a reporter is to be seen, and what for."""

    NAMES: Final = {
        "name": _("姓名"),
        "phone": _("电话"),
        "id_number": _("证件号码"),
        "address": _("住址"),
    }
    fields_wanted = forms.MultipleChoiceField(
        label=_("要看什么"),
        choices=list(NAMES.items()),
        initial=["name", "phone"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("请勾选要看的内容。")},
    )
    purpose = forms.CharField(
        label=_("用途"),
        help_text=_(
            "如：电话联系反映人，核实现场位置。这次查看会记入存证，审计员和反映人本人都看得到。"
        ),
        min_length=4,
        max_length=200,
        error_messages={
            "required": _("请写明用途。"),
            "min_length": _("用途请写清楚一点，至少 4 个字。"),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "reveal_%s")
        super().__init__(*args, **kwargs)
        self.fields["fields_wanted"].need_kind = "CHIPS"  # type: ignore[attr-defined]  # for the template
