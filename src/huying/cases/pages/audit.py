"""The auditor: every act with its proof, a sample anybody can draw again, who looked at whose
data, and how the ledger stands. Nothing here changes anything."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from huying.cases import actions, queries
from huying.cases.pages import desk_filters
from huying.cases.pages.desk_case import case_of
from huying.cases.queries import AuditFilters, AuditRow
from huying.cases.rules.engine import BrokenHistory
from huying.cases.tables import local, table_file
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import Actor, Permission
from huying.directory.queries import AccessRow
from huying.ledger import queries as ledger

PAGE_SIZE: Final = 50
MOST_DRAWN: Final = 200
MOST_EXPORTED: Final = 10_000
# Without a time said, so far back: an auditor who wants more says so.
USUAL_DAYS: Final = 90
# Free text of a filter, which may name people.
_NAMING: Final = ("person", "seed")
_DAY: Final = "%Y-%m-%d"
FIELD_NAMES: Final = {
    "name": gettext_lazy("姓名"),
    "phone": gettext_lazy("电话"),
    "id_number": gettext_lazy("证件号码"),
    "address": gettext_lazy("住址"),
}
_SEEN: Final = FIELD_NAMES | {"erased": gettext_lazy("（已清除全部个人信息）")}


class AuditForm(forms.Form):
    """What the tables are narrowed to. All of it stands in the address."""

    number = forms.CharField(label=gettext_lazy("事项编号"), max_length=20, required=False)
    person = forms.CharField(label=gettext_lazy("谁办的（姓名）"), max_length=40, required=False)
    action = forms.ChoiceField(label=gettext_lazy("办了什么"), required=False)
    unit = forms.TypedChoiceField(
        label=gettext_lazy("单位"), required=False, coerce=int, empty_value=None
    )
    since = forms.DateField(
        label=gettext_lazy("从哪天"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format=_DAY),
    )
    until = forms.DateField(
        label=gettext_lazy("到哪天（含）"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format=_DAY),
    )
    sample = forms.IntegerField(
        label=gettext_lazy("抽多少条"),
        required=False,
        min_value=1,
        max_value=MOST_DRAWN,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    seed = forms.CharField(label=gettext_lazy("抽签词（任意）"), max_length=40, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "audit_%s")
        super().__init__(*args, **kwargs)
        action: Any = self.fields["action"]
        action.choices = [("", _("不限")), *_actions()]
        unit: Any = self.fields["unit"]
        unit.choices = [
            ("", _("不限")),
            *((one.id, one.short_name or one.name) for one in directory.organisations()),
        ]


class AccessForm(AuditForm):
    """The same of who looked at whose data: only by whom, and when."""

    field_order = ("person", "since", "until")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {name: self.fields[name] for name in self.field_order}
        self.fields["person"].label = _("谁看的（姓名）")


def _actions() -> list[tuple[str, str]]:
    """Every action of every procedure, once."""
    found: dict[str, str] = {}
    for procedure in queries.procedures():
        for code, spec in procedure.actions.items():
            found.setdefault(code, str(spec.label))
    return sorted(found.items(), key=lambda pair: pair[1])


def _narrowing(params: Mapping[str, str]) -> dict[str, str]:
    """Without the drawing of a sample, which stands apart."""
    return {name: value for name, value in params.items() if name not in ("sample", "seed")}


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters as they are used, and as the address says them."""

    filters: AuditFilters
    params: dict[str, str]
    sample: int | None
    seed: str


def _asked(form: AuditForm) -> Asked:
    form.is_valid()
    data = form.cleaned_data
    zone = timezone.get_current_timezone()

    def at(day: Any, more: int = 0) -> datetime | None:
        if day is None:
            return None
        return datetime.combine(day + timedelta(days=more), time(), zone)

    since = at(data.get("since")) or timezone.now() - timedelta(days=USUAL_DAYS)
    person = data.get("person") or ""
    filters = AuditFilters(
        case_number=data.get("number") or "",
        accounts=directory.accounts_named(person) if person else None,
        action=data.get("action") or "",
        unit=data.get("unit"),
        since=since,
        until=at(data.get("until"), more=1),
    )
    params = {
        name: str(value) for name, value in form.data.items() if value and name in form.fields
    }
    return Asked(filters, params, data.get("sample"), data.get("seed") or "")


@never_cache
@require_safe
@requires(Permission.LEDGER_AUDIT)
def audit(request: HttpRequest) -> HttpResponse:
    """办理记录: acts, newest first, or a drawn sample of them."""
    form = AuditForm(request.GET)
    asked = _asked(form)
    if asked.sample and form.is_valid() and not (asked.seed and "until" in asked.params):
        # A sample is drawn again only where nothing new can join what it is drawn from.
        fixed = {
            **asked.params,
            "seed": asked.seed or f"{timezone.localdate():%Y}",
            "since": asked.params.get("since")
            or f"{timezone.localdate() - timedelta(days=USUAL_DAYS):%Y-%m-%d}",
            "until": asked.params.get("until")
            or f"{timezone.localdate() - timedelta(days=1):%Y-%m-%d}",
        }
        return HttpResponseRedirect(f"{reverse('audit')}?{urlencode(fixed)}")
    page = queries.audit_list(
        directory.actor_of(request),
        asked.filters,
        cursor=request.GET.get("after") or None,
        limit=PAGE_SIZE,
        sample=asked.sample,
        seed=asked.seed,
    )
    following = {**asked.params, "after": page.next_cursor} if page.next_cursor else {}
    context = {
        "tab": "acts",
        "form": form,
        "chosen": list(_worded("acts", _narrowing(asked.params), form)),
        "rows": page.rows,
        "sample": asked.sample,
        "seed": asked.seed,
        "params": asked.params,
        "export_url": f"{reverse('audit_export')}?{urlencode(asked.params)}",
        "next_url": f"?{urlencode(following)}" if following else "",
        "first_url": f"?{urlencode(asked.params)}" if request.GET.get("after") else "",
        "since": asked.filters.since,
        "usual": "since" not in asked.params,
    }
    return render(request, "cases/audit/acts.html", context)


_HEADINGS: Final = (
    gettext_lazy("时间"),
    gettext_lazy("事项编号"),
    gettext_lazy("流程"),
    gettext_lazy("第几步"),
    gettext_lazy("办理"),
    gettext_lazy("从"),
    gettext_lazy("到"),
    gettext_lazy("谁"),
    gettext_lazy("标识"),
    gettext_lazy("单位"),
    gettext_lazy("存证号"),
    gettext_lazy("验真地址"),
)


@never_cache
@require_safe
@requires(Permission.LEDGER_AUDIT)
def audit_export(request: HttpRequest) -> StreamingHttpResponse:
    """The table as CSV, at most MOST_EXPORTED rows; without what people wrote.

    Who took it is sealed first.
    """
    actor = directory.actor_of(request)
    asked = _asked(AuditForm(request.GET))
    name = f"{_('办理记录')}-{timezone.localtime():%Y%m%d-%H%M}.csv"
    rows = list(_exported(actor, asked))
    actions.record_export(
        what="acts",
        filters={key: value for key, value in asked.params.items() if key not in _NAMING},
        words={key: asked.params.get(key, "") for key in _NAMING},
        rows=len(rows),
        by=actor,
    )
    return table_file(name, [str(heading) for heading in _HEADINGS], rows)


def _exported(actor: Actor, asked: Asked) -> Iterator[list[object]]:
    cursor: str | None = None
    left = MOST_EXPORTED
    while left > 0:
        page = queries.audit_list(
            actor,
            asked.filters,
            cursor=cursor,
            limit=min(200, left),
            sample=asked.sample,
            seed=asked.seed,
        )
        for row in page.rows:
            yield _cells(row)
        left -= len(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return


def _cells(row: AuditRow) -> list[object]:
    verify = reverse("ledger-verify", args=[row.record_id]) if row.record_id else ""
    return [
        local(row.at),
        row.case_number,
        row.procedure_label,
        row.seq,
        row.label,
        row.from_label,
        row.to_label,
        row.actor_name,
        row.actor_ref,
        row.organisation_name,
        row.record_id or "",
        f"{settings.PUBLIC_URL}{verify}" if verify else "",
    ]


@never_cache
@require_safe
@requires(Permission.LEDGER_AUDIT)
def audit_case(request: HttpRequest, case_id: int) -> HttpResponse:
    """One case as its acts tell it, and whether its state follows from them."""
    actor = directory.actor_of(request)
    view = queries.case_page(case_id, actor)
    replayed: str | None
    try:
        replayed = queries.replay_state(case_id)
    except BrokenHistory:
        replayed = None
    context = case_of(view, actor, request) | {
        "tab": "acts",
        "replayed_well": replayed == view.case.state,
    }
    return render(request, "cases/audit/case.html", context)


@never_cache
@require_safe
@requires(Permission.LEDGER_AUDIT)
def audit_access(request: HttpRequest) -> HttpResponse:
    """Who looked at whose data, what for; the person is a number here, never a name."""
    form = AccessForm(request.GET)
    asked = _asked(form)
    before = request.GET.get("after", "")
    rows = directory.access_records(
        directory.actor_of(request),
        accounts=asked.filters.accounts,
        since=asked.filters.since,
        until=asked.filters.until,
        before_id=int(before)
        if before.isascii() and before.isdigit() and len(before) < 18
        else None,
        limit=PAGE_SIZE + 1,
    )
    shown = rows[:PAGE_SIZE]
    following = {**asked.params, "after": str(shown[-1].id)} if len(rows) > PAGE_SIZE else {}
    context = {
        "tab": "access",
        "form": form,
        "chosen": list(_worded("acts", asked.params, form)),
        "rows": [(row, _fields(row)) for row in shown],
        "next_url": f"?{urlencode(following)}" if following else "",
        "first_url": f"?{urlencode(asked.params)}" if before else "",
        "since": asked.filters.since,
        "usual": "since" not in asked.params,
    }
    return render(request, "cases/audit/access.html", context)


def _fields(row: AccessRow) -> str:
    return "、".join(str(_SEEN.get(name, name)) for name in row.fields)


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One list that somebody took away as a file."""

    at: datetime
    who: str
    actor_ref: str
    what: str
    filters: str
    rows: int
    record_id: int


LISTS: Final = {
    "cases": gettext_lazy("事项清单"),
    "acts": gettext_lazy("办理记录"),
    "responsibilities": gettext_lazy("责任清单"),
}


@never_cache
@require_safe
@requires(Permission.LEDGER_AUDIT)
def audit_exports(request: HttpRequest) -> HttpResponse:
    """Who took which list away, narrowed to what, and how many rows of it."""
    before = request.GET.get("after", "")
    records = ledger.newest_records(
        "exports",
        actors=directory.actors_within(directory.actor_of(request)),
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
        limit=PAGE_SIZE + 1,
    )
    shown = records[:PAGE_SIZE]
    refs = {one.by: int(one.by.removeprefix("staff:")) for one in shown if one.by[:6] == "staff:"}
    names = directory.account_names(refs.values())
    form = AuditForm()
    context = {
        "tab": "exports",
        "rows": [_export_row(one, names.get(refs.get(one.by, 0), ""), form) for one in shown],
        "next_url": f"?after={shown[-1].id}" if len(records) > PAGE_SIZE else "",
        "first_url": "?" if before else "",
    }
    return render(request, "cases/audit/exports.html", context)


def _export_row(record: ledger.RecordRow, who: str, form: AuditForm) -> ExportRow:
    body: Any = record.body
    return ExportRow(
        at=record.at,
        who=who,
        actor_ref=record.by,
        what=str(LISTS.get(body["list"], body["list"])),
        filters="，".join(_worded(body["list"], body["filters"], form)),
        rows=body["rows"],
        record_id=record.id,
    )


def _worded(what: str, filters: Mapping[str, str], form: AuditForm) -> Iterator[str]:
    """What a list was narrowed to, in the words of the page it was taken from."""
    left = dict(filters)
    if what == "cases":
        said = desk_filters.asked(filters)
        yield from (chip.label for chip in desk_filters.chips(said, ""))
        for name in (*said.params(), "order"):  # an order leaves no row out
            left.pop(name, None)
    for name, value in left.items():
        field: Any = form.fields.get(name) if what == "acts" else None
        if field is None:
            yield f"{name}={value}"
            continue
        choices = {str(code): str(label) for code, label in getattr(field, "choices", ())}
        yield f"{field.label}{_('：')}{choices.get(value, value)}"


@never_cache
@require_safe
@requires(Permission.LEDGER_AUDIT)
def audit_ledger(request: HttpRequest) -> HttpResponse:
    """How the ledger stands, and how to verify all of it without believing this page."""
    context = {
        "tab": "ledger",
        "health": ledger.ledger_health(),
        "checkpoint": ledger.latest_checkpoint(),
        "keys": ledger.key_lines(),
        "address": f"{settings.PUBLIC_URL}/ledger/",
    }
    return render(request, "cases/audit/ledger.html", context)
