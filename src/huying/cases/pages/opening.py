"""Opening a matter of any procedure by hand: what every case has, and what its file asks for."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from huying.cases import actions, queries
from huying.cases.pages.act_forms import ActForm
from huying.cases.pages.desk_forms import (
    NO_NUMBER,
    NO_SYSTEM,
    category_options,
    number_field,
    officer_options,
    system_field,
    unit_options,
)
from huying.cases.pages.report_forms import DegreesField, new_key
from huying.cases.pages.resident import in_language
from huying.cases.queries import NeedKind, Opening, Urgency
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import Actor, DomainError, Permission

OPENS: Final = (Permission.REPORT_RECORD, Permission.CASE_VIEW_ALL, Permission.CASE_VIEW_OWN_UNIT)
OWN: Final = "about_"
"""Before the names of what every case has, so that no file's need can meet them."""


class OpeningForm(ActForm):
    """What every case has, then the needs of the first step."""

    def __init__(self, found: Opening, *args: Any, **kwargs: Any) -> None:
        super().__init__(found.step, *args, **kwargs)
        del self.fields["version"]
        for need in found.step.needs:
            field: Any = self.fields[need.name]
            if need.kind in {NeedKind.UNIT, NeedKind.UNITS}:
                field.options = unit_options()
            elif need.kind is NeedKind.CATEGORY:
                field.options = category_options()
            elif need.kind is NeedKind.ACCOUNT:
                field.options = officer_options([one.id for one in directory.organisations()])
        self.asked = list(self.fields)
        self.fields |= {
            "about_title": forms.CharField(
                label=_("是什么事"),
                min_length=2,
                max_length=120,
                help_text=_("一句话，列表里就显示它。"),
                error_messages={"required": _("请写明是什么事。")},
            ),
            "about_summary": forms.CharField(
                label=_("详细情况"),
                max_length=4000,
                required=False,
                widget=forms.Textarea(attrs={"rows": 5}),
            ),
            "about_category": forms.ChoiceField(
                label=_("哪一类"),
                required=False,
                choices=[
                    ("", _("不确定，由综治中心定")),
                    *((one.value, one.label) for one in category_options()),
                ],
            ),
            "about_urgency": forms.ChoiceField(
                label=_("紧急程度"), choices=Urgency.choices, initial=Urgency.NORMAL.value
            ),
            "about_people": forms.IntegerField(
                label=_("涉及多少人"), min_value=1, max_value=1_000_000, initial=1
            ),
            "about_system": system_field(required=False),
            "about_number": number_field(required=False),
            "about_idempotency_key": forms.CharField(
                max_length=80, required=False, widget=forms.HiddenInput, initial=new_key
            ),
            "place_text": forms.CharField(label=_("事发地怎么说"), max_length=200, required=False),
            "lon": DegreesField(180),
            "lat": DegreesField(90),
        }

    def clean(self) -> dict[str, Any]:
        data = dict(super().clean() or {})
        system, number = data.get("about_system"), data.get("about_number")
        if number and not system:
            self.add_error("about_system", NO_SYSTEM)
        if system and not number:
            self.add_error("about_number", NO_NUMBER)
        return data

    def fresh_key(self) -> None:
        self.data = {**dict(self.data.items()), "about_idempotency_key": new_key()}

    def needs(self) -> list[forms.BoundField]:
        """What the file asks for, as the steps of a case are drawn."""
        return [self[name] for name in self.asked]

    def data_of_needs(self) -> dict[str, Any]:
        return {name: value for name, value in self.values().items() if name in self.asked}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(*OPENS)
def open_matter(request: HttpRequest, procedure: str) -> HttpResponse:
    """The form of one kind of matter; after it the case."""
    actor = directory.actor_of(request)
    found = queries.opening(procedure, actor)
    if request.method != "POST":
        return _page(request, found, OpeningForm(found))
    form = OpeningForm(found, request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    try:
        opened = _opened(found, form, actor)
    except DomainError as error:
        if isinstance(error, actions.IdempotencyConflict):
            form.fresh_key()
        form.add_error(_field_of(form, error), in_language(error))
        return _page(request, found, form, status=error.status)
    return HttpResponseRedirect(reverse("case_link", args=[opened.case_id]))


def _opened(found: Opening, form: OpeningForm, by: Actor) -> actions.Opened:
    about = form.cleaned_data
    placed = about["lon"] is not None and about["lat"] is not None
    return actions.open_case(
        by=by,
        procedure=found.procedure,
        title=about["about_title"],
        summary=about["about_summary"],
        category=about["about_category"],
        urgency=about["about_urgency"],
        people_involved=about["about_people"],
        place_text=about["place_text"],
        lon=about["lon"] if placed else None,
        lat=about["lat"] if placed else None,
        references=(
            [(about["about_system"], about["about_number"])] if about["about_number"] else ()
        ),
        data=form.data_of_needs(),
        photos=form.photos(),
        idempotency_key=about["about_idempotency_key"],
    )


def _field_of(form: OpeningForm, error: DomainError) -> str | None:
    if isinstance(error, actions.NeedsField):
        return next((one for one in (error.field, OWN + error.field) if one in form.fields), None)
    return None


def _page(
    request: HttpRequest, found: Opening, form: OpeningForm, status: int = 200
) -> HttpResponse:
    return render(request, "cases/desk/open.html", {"opening": found, "form": form}, status=status)
