"""What a grid worker opens on a telephone: tasks by clock, one task, one step, how it ended."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from huying.cases import actions, queries
from huying.cases.pages.act_forms import ActForm
from huying.cases.pages.receipt import Photo, file_answer
from huying.cases.pages.resident import in_language, onward, photos_lost
from huying.cases.queries import CaseRow, CaseView, ClockView, OfferedAction, TaskRow
from huying.cases.queries.results import AttachmentView
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import Actor, DomainError, Permission
from huying.standards.coordinates import wgs84_to_gcj02

MOST_TASKS: Final = 50
MOST_ENDED: Final = 20
_RANKS: Final = {"OVERDUE": 0, "SOON": 1, "ON_TIME": 2}
_CHIP_STATES: Final = {"PAUSED": "WAITING", "MET": "STOPPED", "MISSED": "STOPPED"}
# Only the worker's own queued steps lie between what the page showed and now: no conflict.
MOST_OWN_STEPS: Final = 20
# Degrees: about a kilometre around a task, outlines true to ten metres.
AROUND: Final = 0.006
TOLERANCE: Final = 0.0001


@dataclass(frozen=True, slots=True)
class Way:
    """How to get there: for the map programs of the country (GCJ-02), and for any other."""

    amap: str
    geo: str


def tabs(current: str) -> list[dict[str, Any]]:
    """The tab bar; components/tab_bar.html."""
    return [
        {
            "label": _("任务"),
            "url": reverse("work"),
            "icon": "checklist",
            "current": current == "work",
        },
        {
            "label": _("随手报"),
            "url": reverse("work_report"),
            "icon": "camera",
            "current": current == "report",
        },
        {
            "label": _("回音"),
            "url": reverse("work_done"),
            "icon": "message-circle",
            "current": current == "done",
        },
        {"label": _("我的"), "url": reverse("account"), "icon": "user", "current": False},
    ]


@never_cache
@require_safe
@requires(Permission.CASE_VIEW_OWN_GRID)
def tasks(request: HttpRequest) -> HttpResponse:
    """By clock, then by distance. The telephone reckons the distance itself: its position is
    neither sent nor kept."""
    actor = directory.actor_of(request)
    rows = queries.tasks_near(actor, limit=MOST_TASKS)
    names = directory.division_names({row.case.division_code for row in rows})
    context = {
        "tasks": [_card(row, names) for row in rows],
        "full": len(rows) == MOST_TASKS,
        "most": MOST_TASKS,
        "grids": [grid.full_name for grid in directory.grids(sorted(actor.grids))],
        "tabs": tabs("work"),
    }
    return render(request, "cases/work/tasks.html", context)


def _card(row: TaskRow, names: dict[str, str]) -> dict[str, Any]:
    case = row.case
    return {
        "case": case,
        "clock": _row_clock(case),
        "rank": _RANKS.get(case.status, 3),
        "where": case.place_text or names.get(case.division_code, "") or case.division_name,
        "main": row.main_action,
        "at_once": row.main_action is not None and not row.main_action.needs,
    }


def _row_clock(case: CaseRow) -> dict[str, Any] | None:
    if case.due_at is None:
        return None
    return {
        "label": case.due_label,
        "state": case.status if case.status in _RANKS else "ON_TIME",
        "due_at": case.due_at,
        "provisional": case.due_provisional,
    }


@never_cache
@require_safe
@requires(Permission.CASE_VIEW_OWN_GRID)
def task(request: HttpRequest, case_id: int) -> HttpResponse:
    """One task: what, where, until when, what happened, what to do now."""
    view = _view(request, case_id)
    return render(request, "cases/work/task.html", _task(view))


def _view(request: HttpRequest, case_id: int) -> CaseView:
    try:
        return queries.case_page(case_id, directory.actor_of(request))
    except actions.CaseNotFound as error:
        raise Http404(str(error)) from error


def _task(view: CaseView) -> dict[str, Any]:
    main, second, others = _sorted(view)
    return {
        "view": view,
        "case": view.case,
        "clocks": [_clock(one) for one in view.clocks if one.stopped_at is None],
        "way": _way(view.case),
        "reports": [
            {"report": one, "photos": _photos(one.attachments, view.case.id)}
            for one in view.reports
        ],
        "steps": _steps(view, main.offer.label if main else ""),
        "main": main,
        "second": second,
        "others": others,
    }


def _sorted(view: CaseView) -> tuple["Step | None", "Step | None", list["Step"]]:
    """The one main step, its counterpart where the matter can go two ways, and the others."""
    steps = [Step(offer, ActForm(offer)) for offer in view.actions if offer.scope == "CASE"]
    known = queries.procedure(view.case.procedure, view.procedure_version).actions
    # What the procedure asks of grid workers: not every right of this person is a task.
    asked = [
        one
        for one in steps
        if one.offer.to_state
        and one.offer.code in known
        and "grid_worker" in known[one.offer.code].by
    ]
    main = next((one for one in asked if one.offer.tone == "MAIN"), None)
    second = next(
        (one for one in asked if main and one is not main and not (main.at_once or one.at_once)),
        None,
    )
    return main, second, [one for one in steps if one is not main and one is not second]


@dataclass(frozen=True, slots=True)
class Step:
    """An offered action and its form."""

    offer: OfferedAction
    form: ActForm

    @property
    def at_once(self) -> bool:
        return not self.offer.needs


def _clock(clock: ClockView) -> dict[str, Any]:
    return {
        "label": clock.label,
        "state": _CHIP_STATES.get(clock.status, clock.status),
        "due_at": clock.due_at,
        "provisional": clock.provisional,
        "started_at": clock.started_at,
        "limit": clock.limit,
        "article": "；".join(filter(None, [clock.article, clock.source])),
        "counted": clock.counted,
    }


def _way(case: CaseRow) -> Way | None:
    if case.lon is None or case.lat is None:
        return None
    lon, lat = wgs84_to_gcj02(case.lon, case.lat)
    name = quote((case.place_text or case.title)[:30])
    return Way(
        amap=f"https://uri.amap.com/marker?position={lon:.6f},{lat:.6f}&name={name}"
        "&src=huying&coordinate=gaode&callnative=1",
        geo=f"geo:{case.lat:.6f},{case.lon:.6f}?q={case.lat:.6f},{case.lon:.6f}({name})",
    )


def _photos(attachments: tuple[AttachmentView, ...], case_id: int) -> list[Photo]:
    found = []
    for one in attachments:
        url = reverse("work_file", args=[case_id, one.id])
        found.append(Photo(url, f"{url}?small=1", one.kind_label))
    return found


def _steps(view: CaseView, mine: str) -> list[dict[str, Any]]:
    """What happened, newest first, and whose turn it is: components/timeline.html."""
    steps: list[dict[str, Any]] = []
    if mine:
        steps.append({"state": "NEXT", "title": _("轮到您：%(what)s") % {"what": mine}})
    elif view.case.turn and view.case.closed_at is None:
        steps.append({"state": "NEXT", "title": _("轮到%(who)s") % {"who": view.case.turn}})
    for position, one in enumerate(sorted(view.acts, key=lambda act: act.seq, reverse=True)):
        said = [f"{label}{_('：')}{value}" for label, value in one.fields]
        steps.append(
            {
                "state": "NOW" if position == 0 else "DONE",
                "title": one.label,
                "by": " ".join(filter(None, [one.organisation_name, one.actor_name])),
                "at": one.at,
                "note": "\n".join([one.note, *said] if one.note else said),
                "photos": _photos(one.attachments, view.case.id),
            }
        )
    return steps


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.CASE_VIEW_OWN_GRID)
def do(request: HttpRequest, case_id: int, action: str) -> HttpResponse:
    """One step: its form, and taking it. What arrives late from the outbox is judged fairly:
    one's own earlier steps are no conflict, somebody else's are."""
    actor = directory.actor_of(request)
    view = _view(request, case_id)
    offer = next((one for one in view.actions if one.code == action), None)
    if request.method != "POST":
        if offer is None:
            return _too_late(request, view, action)
        form = ActForm(offer, initial={"version": view.case.version})
        return _do_page(request, view, form)
    if offer is None:
        if _done_before(view, action, actor, request.POST.get("version", "")):
            return onward(request, reverse("work_task", args=[case_id]))
        return _too_late(request, view, action, status=409)
    form = ActForm(offer, request.POST, request.FILES)
    if not form.is_valid():
        return _do_page(request, view, form, status=422)
    try:
        done = actions.act(
            case_id=case_id,
            action=action,
            by=actor,
            version=_version(view, form.cleaned_data["version"], actor),
            data=form.values(),
            photos=form.photos(),
        )
    except (actions.StaleCase, actions.ActionNotOffered) as error:
        view = _view(request, case_id)
        offer = next((one for one in view.actions if one.code == action), None)
        if offer is None:
            return _too_late(request, view, action, status=409)
        form = _again(offer, request, view)
        form.add_error(None, in_language(error))
        return _do_page(request, view, form, status=409)
    except DomainError as error:
        form.add_error(_field(form, error), in_language(error))
        return _do_page(request, view, form, status=error.status)
    messages.success(request, _("%(what)s，已记下。") % {"what": offer.label})
    after = queries.available_actions(case_id, actor)
    moved_on = done.state != view.case.state and not any(one.to_state for one in after)
    return onward(request, reverse("work") if moved_on else reverse("work_task", args=[case_id]))


def _field(form: ActForm, error: DomainError) -> str | None:
    if isinstance(error, actions.NeedsField) and error.field in form.fields:
        return error.field
    if isinstance(error, actions.BadUpload):
        return next((one.name for one in form.offer.needs if one.kind == "PHOTO"), None)
    return None


def _again(offer: OfferedAction, request: HttpRequest, view: CaseView) -> ActForm:
    """The same form, filled in as it was, now against the case as it is."""
    data = request.POST.copy()
    data["version"] = str(view.case.version)
    form = ActForm(offer, data, request.FILES)
    form.is_valid()
    return form


def _version(view: CaseView, seen: int | None, actor: Actor) -> int | None:
    """The version to insist on: the newest, where only this person acted since `seen`."""
    if seen is None or seen == view.case.version:
        return view.case.version
    since = [one for one in view.acts if one.seq > seen]
    own = len(since) <= MOST_OWN_STEPS and all(one.account_id == actor.account_id for one in since)
    return view.case.version if own else seen


def _done_before(view: CaseView, action: str, actor: Actor, seen: str) -> bool:
    """Whether this very step arrived already and only its answer was lost on the way."""
    after = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0
    return any(
        one.action == action and one.seq > after and one.account_id == actor.account_id
        for one in view.acts
    )


def _do_page(
    request: HttpRequest, view: CaseView, form: ActForm, status: int = 200
) -> HttpResponse:
    context = {
        "view": view,
        "case": view.case,
        "step": Step(form.offer, form),
        "photos_lost": photos_lost(request, status),
    }
    return render(request, "cases/work/do.html", context, status=status)


def _too_late(request: HttpRequest, view: CaseView, action: str, status: int = 200) -> HttpResponse:
    """The step is not open any more: who did what meanwhile, and what was written here."""
    written = [
        str(value).strip()
        for name, value in request.POST.items()
        if name not in {"csrfmiddlewaretoken", "version", "idempotency_key"}
    ]
    context = {
        "view": view,
        "case": view.case,
        "last": max(view.acts, key=lambda act: act.seq, default=None),
        "written": [words for words in written if words],
    }
    return render(request, "cases/work/too_late.html", context, status=status)


@never_cache
@require_safe
@requires(Permission.CASE_VIEW_OWN_GRID)
def done(request: HttpRequest) -> HttpResponse:
    """How it ended: what became of what this person went to look at."""
    actor = directory.actor_of(request)
    context = {
        "ended": queries.finished_tasks(actor, limit=MOST_ENDED),
        "tabs": tabs("done"),
    }
    return render(request, "cases/work/done.html", context)


@require_safe
@requires(Permission.CASE_VIEW_OWN_GRID)
def around(request: HttpRequest, case_id: int) -> HttpResponse:
    """The grids around the task: enough to know where one is."""
    case = _view(request, case_id).case
    lon, lat = case.lon, case.lat
    if lon is None or lat is None:
        raise Http404
    box = (lon - AROUND, lat - AROUND, lon + AROUND, lat + AROUND)
    return HttpResponse(
        directory.grids_geojson(bbox=box, tolerance=TOLERANCE),
        content_type="application/geo+json",
        headers={"Cache-Control": "private, max-age=300"},
    )


@require_safe
@requires(Permission.CASE_VIEW_OWN_GRID)
def place(request: HttpRequest, case_id: int) -> HttpResponse:
    """The one point of the task's map."""
    case = _view(request, case_id).case
    features = []
    if case.lon is not None and case.lat is not None:
        late = case.due_at is not None and case.due_at < timezone.now()
        soon = case.due_at is not None and case.due_at - timezone.now() < timedelta(hours=1)
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [case.lon, case.lat]},
                "properties": {
                    "name": case.title,
                    "words": case.place_text,
                    "level": "OVERDUE" if late else "SOON" if soon else "NORMAL",
                },
            }
        )
    answer = JsonResponse({"type": "FeatureCollection", "features": features})
    answer.headers["Cache-Control"] = "private, max-age=60"
    return answer


@require_safe
@requires(Permission.CASE_VIEW_OWN_GRID)
def attachment(request: HttpRequest, case_id: int, attachment_id: int) -> HttpResponse:
    return file_answer(
        *queries.attachment_file(
            attachment_id,
            actor=directory.actor_of(request),
            thumbnail=bool(request.GET.get("small")),
        )
    )
