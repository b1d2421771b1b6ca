"""Taking down what somebody says: on the telephone, at the counter, from a letter."""

from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from huying.cases import actions, queries
from huying.cases.actions import Contact, NeedsField
from huying.cases.pages.report_forms import DegreesField, PhoneField, PhotosField, new_key
from huying.cases.pages.resident import in_language
from huying.cases.queries import CategoryView, Channel, Kind, Urgency
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import Actor, DomainError, Permission
from huying.ledger import queries as ledger

NEARBY_METRES: Final = 500
MOST_NEARBY: Final = 4
MOST_SUGGESTED: Final = 4
MOST_PLACES: Final = 8
# The channels people at a desk take things down from.
CHANNELS: Final = (Channel.PHONE, Channel.COUNTER, Channel.PAPER, Channel.HOTLINE)
# What comes with a number of its own: where the number is from, and the field that asks for it.
NUMBERED: Final = {Channel.HOTLINE: ("12345 热线", "ticket"), Channel.PAPER: ("来信登记", "letter")}


class IntakeForm(forms.Form):
    """One quick form. Everything but the words may be left out."""

    channel = forms.ChoiceField(
        label=_("反映渠道"),
        choices=[(one.value, one.label) for one in CHANNELS],
        initial=Channel.PHONE.value,
    )
    text = forms.CharField(
        label=_("说了什么"),
        help_text=_("照原话记：什么情况、在哪里、多久了、希望怎么办。"),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "autofocus": True}),
    )
    place_text = forms.CharField(
        label=_("事发地怎么说"),
        max_length=200,
        required=False,
        help_text=_("如：东门社区南门，邮局旁边"),
    )
    lon = DegreesField(180)
    lat = DegreesField(90)
    name = forms.CharField(label=_("怎么称呼"), max_length=40, required=False)
    phone = PhoneField(label=_("联系电话"))
    on_behalf = forms.BooleanField(label=_("替别人说的"), required=False)
    submitter_name = forms.CharField(label=_("说话的人怎么称呼"), max_length=40, required=False)
    submitter_phone = PhoneField(label=_("说话的人的电话"))
    secret = forms.BooleanField(label=_("要求保密"), required=False)
    kind = forms.ChoiceField(
        label=_("诉求类型"),
        choices=[("", _("按类别")), *Kind.choices],
        required=False,
    )
    urgency = forms.ChoiceField(
        label=_("紧急程度"), choices=Urgency.choices, initial=Urgency.NORMAL.value
    )
    people_involved = forms.IntegerField(
        label=_("涉及多少人"),
        min_value=1,
        max_value=1_000_000,
        initial=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        error_messages={"required": _("请填人数，不清楚就填 1。"), "invalid": _("请填数字。")},
    )
    ticket = forms.CharField(label=_("12345 工单编号"), max_length=80, required=False)
    letter = forms.CharField(label=_("来信登记号"), max_length=80, required=False)
    papers = PhotosField(
        label=_("扫描件或照片"),
        help_text=_("来信请扫描或拍下来：图片或 PDF，每份 12 MB 以内。"),
        required=False,
    )
    join = forms.CharField(required=False)
    idempotency_key = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "intake_%s")
        super().__init__(*args, **kwargs)
        self.categories = queries.categories()
        self.fields["category"] = forms.ChoiceField(
            label=_("哪一类"),
            required=False,
            choices=[("", _("不确定，由综治中心定")), *_grouped(self.categories)],
        )
        self.fields["papers"].widget.attrs["accept"] = "image/*,application/pdf"
        self.fields["idempotency_key"].initial = new_key

    def clean(self) -> dict[str, Any]:
        data = dict(super().clean() or {})
        if not data.get("text") and not data.get("papers") and "text" not in self.errors:
            self.add_error("text", _("请记下说了什么；来信可以只传扫描件。"))
        if data.get("lon") is None or data.get("lat") is None:
            data["lon"] = data["lat"] = None
        return data

    def fresh_key(self) -> None:
        self.data = {**dict(self.data.items()), "idempotency_key": new_key()}

    def contact(self) -> Contact | None:
        return _contact(self.cleaned_data["name"], self.cleaned_data["phone"])

    def references(self) -> list[tuple[str, str]]:
        """The number it has elsewhere: only the chosen channel's, the other field is not seen."""
        named = NUMBERED.get(self.cleaned_data["channel"])
        if named is None:
            return []
        system, field = named
        number = self.cleaned_data[field].strip()
        return [(system, number)] if number else []

    def submitter(self) -> Contact | None:
        data = self.cleaned_data
        if not data["on_behalf"]:
            return None
        return _contact(data["submitter_name"], data["submitter_phone"])


def _contact(name: str, phone: str) -> Contact | None:
    return Contact(name=name, phone=phone) or None


def _grouped(categories: list[CategoryView]) -> list[tuple[str, list[tuple[str, str]]]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for one in categories:
        groups.setdefault(one.parent_name, []).append((one.code, one.name))
    return list(groups.items())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.REPORT_RECORD)
def intake(request: HttpRequest) -> HttpResponse:
    """The form; after it the receipt, to be read out or printed."""
    actor = directory.actor_of(request)
    if request.method != "POST":
        channel = request.GET.get("channel", "")
        known = {one.value for one in CHANNELS}
        initial = {"channel": channel} if channel in known else {}
        return _page(request, IntakeForm(initial=initial))
    form = IntakeForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        received = _received(form, actor)
    except DomainError as error:
        return _page(request, form, status=_refuse(form, error))
    return HttpResponseRedirect(reverse("intake_receipt", args=[received.receipt]))


def _received(form: IntakeForm, by: Actor) -> actions.Received:
    data = form.cleaned_data
    join = data["join"]
    if join.isascii() and join.isdigit() and len(join) < 18:
        return actions.join_report(
            by=by,
            report_id=int(join),
            text=data["text"],
            channel=data["channel"],
            place_text=data["place_text"],
            lon=data["lon"],
            lat=data["lat"],
            contact=form.contact() or form.submitter(),
            secret=data["secret"],
            photos=data["papers"],
            references=form.references(),
            idempotency_key=data["idempotency_key"],
        )
    return actions.receive_report(
        by=by,
        text=data["text"],
        channel=data["channel"],
        category=data["category"],
        kind=data["kind"],
        place_text=data["place_text"],
        lon=data["lon"],
        lat=data["lat"],
        contact=form.contact(),
        on_behalf=data["on_behalf"],
        submitter=form.submitter(),
        secret=data["secret"],
        photos=data["papers"],
        urgency=data["urgency"],
        people_involved=data["people_involved"],
        references=form.references(),
        idempotency_key=data["idempotency_key"],
    )


def _refuse(form: IntakeForm, error: DomainError) -> int:
    field: str | None = None
    if isinstance(error, NeedsField):
        field = error.field if error.field in form.fields else None
    elif isinstance(error, actions.BadUpload):
        field = "papers"
    elif isinstance(error, actions.IdempotencyConflict):
        form.fresh_key()
    form.add_error(field, in_language(error))
    return error.status


def _page(request: HttpRequest, form: IntakeForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "files_lost": bool(request.FILES) and status >= 400,
        "channel": form["channel"].value(),
        "openings": queries.openings(directory.actor_of(request)),
    }
    return render(request, "cases/desk/intake.html", context, status=status)


@dataclass(frozen=True, slots=True)
class Suggestion:
    code: str
    name: str
    because: str  # the words that speak for it


def suggested(text: str, categories: list[CategoryView]) -> list[Suggestion]:
    """Categories whose keywords the text holds, the best first. A suggestion, nothing more."""
    scored = []
    for position, one in enumerate(categories):
        found = [word for word in (*one.keywords, one.name) if word and word in text]
        if found:
            score = sum(len(word) for word in dict.fromkeys(found))
            because = "、".join(list(dict.fromkeys(found))[:3])
            scored.append((-score, position, Suggestion(one.code, one.name, because)))
    return [one for _score, _position, one in sorted(scored)[:MOST_SUGGESTED]]


@never_cache
@require_POST
@requires(Permission.REPORT_RECORD)
def intake_help(request: HttpRequest) -> HttpResponse:
    """Beside the form while it is filled in: a category, who would answer, the same nearby.

    Posted, so that nobody's words end in an address or a log.
    """
    form = IntakeForm(request.POST)
    form.is_valid()
    data = form.cleaned_data
    text = str(data.get("text") or "")
    category = str(data.get("category") or "")
    lon, lat = data.get("lon"), data.get("lat")
    place = directory.grid_at(lon, lat) if lon is not None and lat is not None else None
    division = place.division_code if place else ""
    context = {
        "suggestions": [one for one in suggested(text, form.categories) if one.code != category],
        "typical": queries.typical_answer(category, division) if category else None,
        "category": category,
        "neighbours": queries.nearby_open(
            lon, lat, category, NEARBY_METRES, actor=directory.actor_of(request)
        )[:MOST_NEARBY]
        if lon is not None and lat is not None
        else [],
        "asked_where": lon is not None and lat is not None,
        "join": str(data.get("join") or ""),
    }
    return render(request, "cases/desk/_intake_help.html", context)


@never_cache
@require_safe
@requires(Permission.REPORT_RECORD, Permission.CASE_VIEW_ALL)
def places(request: HttpRequest) -> HttpResponse:
    """Grids, villages and townships whose name holds the letters typed."""
    asked = request.GET.get("q", "").strip()[:40]
    return render(request, "cases/desk/_places.html", {"places": _places(asked), "asked": asked})


def _places(asked: str) -> list[dict[str, Any]]:
    if not asked:
        return []
    found: list[dict[str, Any]] = []
    divisions = [one for one in directory.divisions() if one.kind != "COUNTY"]
    names = directory.division_names([one.code for one in divisions])
    for one in divisions:
        name = names.get(one.code, one.name)
        if asked in name and one.center_lon is not None:
            found.append({"name": name, "lon": one.center_lon, "lat": one.center_lat})
    for grid in directory.grids():
        if asked in grid.full_name:
            found.append({"name": grid.full_name, "lon": grid.center_lon, "lat": grid.center_lat})
        if len(found) >= 10 * MOST_PLACES:
            break
    return sorted(found, key=lambda one: len(str(one["name"])))[:MOST_PLACES]


@never_cache
@require_safe
@requires(Permission.REPORT_RECORD)
def intake_receipt(request: HttpRequest, code: str) -> HttpResponse:
    """The receipt: read it out, print it, take down the next one."""
    view = queries.progress(code)
    address = f"{settings.PUBLIC_URL}{reverse('receipt', args=[view.receipt])}"
    record = ledger.records_by_id([view.record_id]).get(view.record_id) if view.record_id else None
    context = {
        "view": view,
        "receipt": {
            "number": view.receipt_display,
            "title": view.title,
            "place": view.place_text,
            "at": view.submitted_at,
            "unit": view.unit_name,
            # What was drawn is ours: a code of an address, nothing a person typed.
            "qr_svg": mark_safe(ledger.qr_svg(address)),  # noqa: S308 - as said above
            "verify_url": reverse("ledger-verify", args=[view.record_id]) if view.record_id else "",
            "sealed": record is not None and record.position is not None,
        },
        "address": address,
    }
    return render(request, "cases/desk/intake_receipt.html", context)
