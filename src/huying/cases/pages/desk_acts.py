"""Steps taken at the desk: one dialog for any action, and for what no procedure foresees."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from huying.cases import actions, queries
from huying.cases.pages import desk_filters, desk_forms, desk_keys
from huying.cases.pages.desk import LOOKS, ids_of, row_of
from huying.cases.pages.desk_case import NOTES, case_of
from huying.cases.pages.desk_forms import DeskActForm
from huying.cases.pages.resident import in_language
from huying.cases.queries import CaseRow, CaseView, NeedKind, OfferedAction, QueueFilters
from huying.directory import actions as directory_actions
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import Actor, DomainError, Permission

MOST_CHOSEN: Final = 50


@dataclass(frozen=True, slots=True)
class Dialog:
    """What a dialog says besides its form."""

    title: str
    url: str
    submit: str
    tone: str = "MAIN"
    lead: str = ""
    hint: str = ""
    article: str = ""
    effects: Sequence[str] = ()
    way_back: str = ""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(*LOOKS)
def do(request: HttpRequest, case_id: int, action: str) -> HttpResponse:
    """One step of the procedure: its form, then the step itself.

    What was typed is never lost: a refused or overtaken step gives the form back filled in,
    and says who acted first.
    """
    actor = directory.actor_of(request)
    view = queries.case_page(case_id, actor)
    offer = _offer(view, action)
    if offer is None:
        return _too_late(request, view, actor, action)
    if request.method != "POST":
        form = DeskActForm(offer, view, initial={"version": view.case.version})
        return _ask(request, _step_dialog(view, offer, actor, request), form)
    form = DeskActForm(offer, view, request.POST, request.FILES)
    dialog = _step_dialog(view, offer, actor, request)
    if not form.is_valid():
        return _ask(request, dialog, form, status=422)
    try:
        actions.act(
            case_id=case_id,
            action=action,
            by=actor,
            version=form.cleaned_data["version"],
            data=form.values(),
            photos=form.photos(),
            report_id=form.report_id(),
        )
    except (actions.StaleCase, actions.ActionNotOffered) as error:
        return _overtaken(request, case_id, actor, action, error)
    except DomainError as error:
        form.add_error(_field_of(form, error), in_language(error))
        return _ask(request, dialog, form, status=error.status)
    return done(request, case_id, actor, _("%(what)s，已记下。") % {"what": offer.label})


def _offer(view: CaseView, action: str) -> OfferedAction | None:
    if action in desk_keys.rating_codes(view):
        return None
    return next((one for one in view.actions if one.code == action), None)


def _step_dialog(
    view: CaseView, offer: OfferedAction, actor: Actor, request: HttpRequest
) -> Dialog:
    to = _("办完后：%(state)s") % {"state": offer.to_label} if offer.to_label else ""
    return Dialog(
        title=offer.label,
        url=reverse("desk_do", args=[view.case.id, offer.code]) + _query(request),
        submit=offer.label,
        tone=offer.tone,
        lead=f"{view.case.number} {view.case.title}",
        hint=offer.hint,
        article=offer.article,
        effects=tuple(filter(None, [to, *offer.effects])),
        way_back=desk_keys.way_back(view.case, view.procedure_version, offer, actor),
    )


def _query(request: HttpRequest) -> str:
    return desk_filters.asked(request.GET).query()


def _partial(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _ask(
    request: HttpRequest,
    dialog: Dialog,
    form: forms.Form,
    status: int = 200,
    more: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The form in a dialog; on a page of its own where there is no script."""
    context = {"dialog": dialog, "form": form, **(more or {})}
    if not _partial(request):
        return render(request, "cases/desk/do.html", context, status=status)
    template = "_form" if request.method == "POST" else "_dialog"
    return render(request, f"cases/desk/{template}.html", context, status=status)


def _field_of(form: DeskActForm, error: DomainError) -> str | None:
    if isinstance(error, actions.NeedsField) and error.field in form.fields:
        return error.field
    if isinstance(error, actions.BadUpload):
        return next(
            (one.name for one in form.offer.needs if one.kind is NeedKind.PHOTO),
            None,
        )
    return None


def _overtaken(
    request: HttpRequest, case_id: int, actor: Actor, action: str, error: DomainError
) -> HttpResponse:
    """Somebody was first: the newest state behind, what was typed still here."""
    view = queries.case_page(case_id, actor)
    offer = _offer(view, action)
    if offer is None:
        return _too_late(request, view, actor, action, in_language(error))
    data = request.POST.copy()
    data["version"] = str(view.case.version)
    form = DeskActForm(offer, view, data, request.FILES)
    form.is_valid()
    form.add_error(None, in_language(error))
    return _ask(
        request,
        _step_dialog(view, offer, actor, request),
        form,
        status=409,
        more={"refreshed": case_of(view, actor, request)},
    )


def _too_late(
    request: HttpRequest, view: CaseView, actor: Actor, action: str, said: str = ""
) -> HttpResponse:
    """The step is open no more: who did what meanwhile, and what was typed, to copy."""
    status = 200 if request.method != "POST" else 409
    last = max(view.acts, key=lambda one: one.seq, default=None)
    passed_over = {"csrfmiddlewaretoken", "version"}
    written = [
        value.strip()
        for name, value in request.POST.items()
        if name not in passed_over and isinstance(value, str) and len(value.strip()) > 1
    ]
    context = {
        "case": view.case,
        "last": last,
        "said": said,
        "written": written,
        "refreshed": case_of(view, actor, request),
        "query": _query(request),
    }
    part = "_too_late_form" if request.method == "POST" else "_too_late_dialog"
    template = part if _partial(request) else "too_late"
    return render(request, f"cases/desk/{template}.html", context, status=status)


def done(request: HttpRequest, case_id: int, actor: Actor, words: str) -> HttpResponse:
    """After a step: the pane and the row as they are now, and a word about it."""
    back = reverse("desk_case", args=[case_id]) + _query(request)
    if not _partial(request):
        messages.success(request, words)
        return HttpResponseRedirect(back)
    try:
        view = queries.case_page(case_id, actor)
    except actions.CaseNotFound:
        # Sent on to another unit: seen no more, and that is as it should be.
        answer = render(request, "cases/desk/_gone.html", {"case_id": case_id})
    else:
        said = desk_filters.asked(request.GET)
        context = case_of(view, actor, request) | {
            "row": row_of(view.case, said, opened=case_id),
            "may_select": _may_select(actor),
        }
        answer = render(request, "cases/desk/_done.html", context)
    answer.headers["HX-Retarget"] = "#case"
    answer.headers["HX-Reswap"] = "innerHTML"
    answer.headers["HX-Trigger"] = json.dumps(
        {"huying:toast": {"text": words}, "huying:acted": {"ids": [case_id], "close": True}}
    )
    return answer


def _may_select(actor: Actor) -> bool:
    return actor.may_any(Permission.CASE_DISPATCH, Permission.CASE_MERGE)


# What no procedure need foresee: each is an act of its own.


def _noting(
    form_of: Callable[..., forms.Form],
    title: Callable[[], str],
    submit: Callable[[], str],
    write: Callable[[int, dict[str, Any], Actor], object],
    words: Callable[[], str],
    name: str,
) -> Callable[[HttpRequest, int], HttpResponseBase]:
    """A view that asks one small form about a case and writes what it says."""

    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @requires(*NOTES)
    def view(request: HttpRequest, case_id: int) -> HttpResponse:
        actor = directory.actor_of(request)
        case = queries.case_page(case_id, actor).case
        dialog = Dialog(
            title=title(),
            url=reverse(name, args=[case_id]) + _query(request),
            submit=submit(),
            lead=f"{case.number} {case.title}",
        )
        if request.method != "POST":
            return _ask(request, dialog, form_of())
        form = form_of(request.POST, request.FILES)
        if not form.is_valid():
            return _ask(request, dialog, form, status=422)
        try:
            write(case_id, form.cleaned_data, actor)
        except DomainError as error:
            field = error.field if isinstance(error, actions.NeedsField) else None
            form.add_error(field if field in form.fields else None, in_language(error))
            return _ask(request, dialog, form, status=error.status)
        return done(request, case_id, actor, words())

    return view


reference = _noting(
    desk_forms.ReferenceForm,
    lambda: _("记外部编号"),
    lambda: _("记下"),
    lambda case_id, data, by: actions.add_reference(
        case_id=case_id, system=data["system"], number=data["number"], by=by
    ),
    lambda: _("外部编号已记下。"),
    "desk_reference",
)
people = _noting(
    desk_forms.PeopleForm,
    lambda: _("记涉及人数"),
    lambda: _("记下"),
    lambda case_id, data, by: actions.note_people_involved(
        case_id=case_id, number=data["number"], note=data["note"], by=by
    ),
    lambda: _("涉及人数已记下。"),
    "desk_people",
)


def _add_papers(case_id: int, data: dict[str, Any], by: Actor) -> None:
    for file in data["papers"]:
        actions.add_attachment(case_id=case_id, file=file, note=data["note"], by=by)


papers = _noting(
    desk_forms.PaperForm,
    lambda: _("加材料"),
    lambda: _("加上"),
    _add_papers,
    lambda: _("材料已加上。"),
    "desk_papers",
)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.REPORT_RECORD, Permission.CASE_CALL_BACK)
def rate(request: HttpRequest, case_id: int) -> HttpResponse:
    """A rating told on the telephone or at the counter, taken down as it was said."""
    actor = directory.actor_of(request)
    view = queries.case_page(case_id, actor)
    reports = [one for one in view.reports if one.replied_at and not one.rating]
    if not reports or not any(one.code in desk_keys.rating_codes(view) for one in view.actions):
        return _too_late(request, view, actor, "rate")
    dialog = Dialog(
        title=_("记下评价"),
        url=reverse("desk_rate", args=[case_id]) + _query(request),
        submit=_("记下"),
        lead=f"{view.case.number} {view.case.title}",
        hint=_("照群众说的记。一件诉求只评一次；不满意的，五个工作日内要回访。"),
    )
    if request.method != "POST":
        return _ask(request, dialog, desk_forms.RateForm(reports))
    form = desk_forms.RateForm(reports, request.POST)
    if not form.is_valid():
        return _ask(request, dialog, form, status=422)
    data = form.cleaned_data
    receipt = next(one.receipt for one in reports if str(one.id) == data["report"])
    try:
        actions.rate(receipt=receipt, rating=data["rating"], comment=data["comment"], by=actor)
    except DomainError as error:
        form.add_error(None, in_language(error))
        return _ask(request, dialog, form, status=error.status)
    return done(request, case_id, actor, _("评价已记下。"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.CASE_MERGE)
def split(request: HttpRequest, case_id: int) -> HttpResponse:
    """拆分: some reports get a case of their own."""
    actor = directory.actor_of(request)
    view = queries.case_page(case_id, actor)
    dialog = Dialog(
        title=_("拆分"),
        url=reverse("desk_split", args=[case_id]) + _query(request),
        submit=_("拆分"),
        lead=f"{view.case.number} {view.case.title}",
    )
    if request.method != "POST":
        return _ask(request, dialog, desk_forms.SplitForm(view))
    form = desk_forms.SplitForm(view, request.POST)
    if not form.is_valid():
        return _ask(request, dialog, form, status=422)
    data = form.cleaned_data
    try:
        opened = actions.split(
            case_id=case_id, report_ids=data["reports"], note=data["note"], by=actor
        )
    except DomainError as error:
        form.add_error("reports", in_language(error))
        return _ask(request, dialog, form, status=error.status)
    return done(
        request, case_id, actor, _("已拆分，新事项 %(number)s 待派单。") % {"number": opened.number}
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.CASE_MERGE)
def repeat(request: HttpRequest, case_id: int) -> HttpResponse:
    """标为重复诉求: the same person about the same matter as before; a mark, nothing else."""
    actor = directory.actor_of(request)
    view = queries.case_page(case_id, actor)
    earlier = queries.earlier_reports([one.id for one in view.reports], actor)
    dialog = Dialog(
        title=_("标为重复诉求"),
        url=reverse("desk_repeat", args=[case_id]) + _query(request),
        submit=_("标上"),
        lead=f"{view.case.number} {view.case.title}",
        hint=_(
            "同一个人就同一件事又来反映的，才算重复。只作标记：两件各有回执、时限和答复，照常办。"
        ),
    )
    if request.method != "POST":
        return _ask(request, dialog, desk_forms.RepeatForm(view.reports, earlier))
    form = desk_forms.RepeatForm(view.reports, earlier, request.POST)
    if not form.is_valid():
        return _ask(request, dialog, form, status=422)
    data = form.cleaned_data
    try:
        repeated = data.get("earlier") or queries.report_named(data["number"], actor)
        actions.mark_repeat(report_id=int(data["report"]), repeat_of=repeated, by=actor)
    except DomainError as error:
        form.add_error("number", in_language(error))
        return _ask(request, dialog, form, status=error.status)
    return done(request, case_id, actor, _("已标为重复诉求。"))


def chosen_rows(request: HttpRequest, actor: Actor) -> list[CaseRow]:
    """The rows selected in the list, as far as this actor sees them."""
    given = request.POST if request.method == "POST" else request.GET
    ids = ids_of(given.getlist("case"), MOST_CHOSEN)
    if not ids:
        return []
    page = queries.queue(actor, QueueFilters(ids=tuple(ids), closed=None), limit=MOST_CHOSEN)
    return sorted(page.rows, key=lambda row: ids.index(row.id))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.CASE_DISPATCH)
def bulk_dispatch(request: HttpRequest) -> HttpResponse:
    """Several cases to one unit: an act each, and what became of each is told."""
    actor = directory.actor_of(request)
    rows = chosen_rows(request, actor)
    can = [row for row in rows if _dispatchable(row)]
    context = {"chosen": can, "left_out": [row for row in rows if not _dispatchable(row)]}
    dialog = Dialog(
        title=_("派单：%(count)s 件") % {"count": len(can)},
        url=reverse("desk_bulk_dispatch") + _query(request),
        submit=_("派单"),
        effects=(_("每件各记一笔，承办单位值班人员各收到一条通知"),),
        way_back=_("改派"),
    )
    if request.method != "POST" or not can:
        return _ask(request, dialog, desk_forms.BulkDispatchForm(), more=context)
    form = desk_forms.BulkDispatchForm(request.POST)
    if not form.is_valid():
        return _ask(request, dialog, form, status=422, more=context)
    data = {name: value for name, value in form.cleaned_data.items() if value}
    results = [
        (row, _dispatched(row, data, actor, _seen(request, f"version-{row.id}"))) for row in can
    ]
    answer = render(
        request,
        "cases/desk/_results.html" if _partial(request) else "cases/desk/results.html",
        {
            "results": results,
            "done_count": sum(1 for _row, problem in results if not problem),
            "query": _query(request),
            "title": _("派单结果"),
        },
    )
    ids = [row.id for row, problem in results if not problem]
    answer.headers["HX-Trigger"] = json.dumps({"huying:acted": {"ids": ids, "reload": True}})
    return answer


def _seen(request: HttpRequest, name: str) -> int | None:
    """The version a hidden field carries."""
    value = request.POST.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _dispatchable(row: CaseRow) -> bool:
    procedure = queries.procedure(row.procedure)
    spec = procedure.actions.get("dispatch")
    return spec is not None and procedure.may_start_from(spec, row.state)


def _dispatched(row: CaseRow, data: dict[str, Any], by: Actor, version: int | None) -> str:
    """ "" where it was done, else why not."""
    try:
        actions.act(
            case_id=row.id, action="dispatch", by=by, data=data, version=version or row.version
        )
    except DomainError as error:
        return in_language(error)
    return ""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.CASE_MERGE)
def merge(request: HttpRequest) -> HttpResponse:
    """并案: the chosen cases become one; every report keeps receipt, clocks and rating."""
    actor = directory.actor_of(request)
    rows = [row for row in chosen_rows(request, actor) if row.closed_at is None]
    dialog = Dialog(
        title=_("并案：%(count)s 件") % {"count": len(rows)},
        url=reverse("desk_merge") + _query(request),
        submit=_("并案"),
        effects=(_("每件诉求的回执、时限、答复、评价都保留"), _("反映人会看到已合并办理")),
        way_back=_("拆分"),
    )
    context = {"chosen": rows, "too_few": len(rows) < 2}
    if request.method != "POST" or len(rows) < 2:
        return _ask(request, dialog, desk_forms.MergeForm(rows), more=context)
    form = desk_forms.MergeForm(rows, request.POST)
    if not form.is_valid():
        return _ask(request, dialog, form, status=422, more=context)
    into = form.cleaned_data["into"]
    merged = [row.id for row in rows if row.id != into]
    try:
        actions.merge_cases(into=into, merged=merged, note=form.cleaned_data["note"], by=actor)
    except DomainError as error:
        form.add_error(None, in_language(error))
        return _ask(request, dialog, form, status=error.status, more=context)
    answer = done(request, into, actor, _("已并案，共并入 %(count)s 件。") % {"count": len(merged)})
    if _partial(request):
        found = json.loads(answer.headers["HX-Trigger"])
        found["huying:acted"] = {"ids": [into, *merged], "close": True, "reload": True}
        answer.headers["HX-Trigger"] = json.dumps(found)
    return answer


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.PERSON_REVEAL)
def reveal(request: HttpRequest, case_id: int, report_id: int, person_id: int) -> HttpResponse:
    """Somebody's data, for a purpose; every look is sealed, and no page keeps it."""
    actor = directory.actor_of(request)
    view = queries.case_page(case_id, actor)
    report = next((one for one in view.reports if one.id == report_id), None)
    # Only people of this report, and only of a report this actor may see.
    if report is None or person_id not in (report.reporter_id, report.submitter_id):
        raise actions.ReportNotFound
    secret = _("反映人要求保密。只限办理这件事使用，不得告诉被反映的一方。")
    dialog = Dialog(
        title=_("查看个人信息"),
        url=reverse("desk_reveal", args=[case_id, report_id, person_id]) + _query(request),
        submit=_("查看"),
        lead=f"{view.case.number} {view.case.title}",
        hint=secret if report.secret else "",
    )
    if request.method != "POST":
        return _ask(request, dialog, desk_forms.RevealForm())
    form = desk_forms.RevealForm(request.POST)
    if not form.is_valid():
        return _ask(request, dialog, form, status=422)
    try:
        shown = directory_actions.reveal_person(
            person_id=person_id,
            fields=form.cleaned_data["fields_wanted"],
            purpose=f"{view.case.number} {form.cleaned_data['purpose']}",
            by=actor,
            matter=f"case:{case_id}",
        )
    except DomainError as error:
        form.add_error("purpose", in_language(error))
        return _ask(request, dialog, form, status=error.status)
    labels = desk_forms.RevealForm.NAMES
    context = {
        "case": view.case,
        "values": [(str(labels[name]), value, name) for name, value in shown.items()],
        "query": _query(request),
    }
    template = "_revealed" if _partial(request) else "revealed"
    return render(request, f"cases/desk/{template}.html", context)
