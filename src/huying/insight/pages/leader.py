"""The leader's pages: a minute in the morning, and the command screen on the wall."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from huying.cases import actions as cases
from huying.directory.pages.access import requires
from huying.directory.permissions import Permission
from huying.directory.queries import actor_of
from huying.insight import queries
from huying.standards import wording

MEASURES = (
    ("open", _("在办"), _("件")),
    ("overdue", _("超期"), _("件")),
    ("received_7_days", _("近 7 天收到"), _("件")),
    ("alerts", _("预警在办"), _("件")),
)


@require_safe
@requires(Permission.INDICATOR_VIEW)
def morning(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    now = timezone.now()
    return render(
        request,
        "insight/morning.html",
        {
            "now": now,
            "greeting": wording.greeting(now, _=gettext),
            "morning": queries.morning(actor, now),
            "may_supervise": actor.may(Permission.CASE_SUPERVISE),
        },
    )


@require_POST
@requires(Permission.CASE_SUPERVISE)
def supervise(request: HttpRequest, case_id: int) -> HttpResponse:
    """One tap on the morning page: a case over a case, with the leader's words if any."""
    cases.act(
        case_id=case_id,
        action="supervise",
        by=actor_of(request),
        note=request.POST.get("note", "").strip() or str(_("请抓紧办理，及时答复群众")),
    )
    request.session["supervised"] = case_id
    return redirect("leader")


@require_safe
@requires(Permission.INDICATOR_VIEW)
def command(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    return render(
        request,
        "insight/command.html",
        {
            "now": now,
            "screen": queries.command_screen(actor_of(request), now),
            "measures": MEASURES,
        },
    )


@require_safe
@requires(Permission.INDICATOR_VIEW)
def grids(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        queries.grids_shaded(actor_of(request)),
        content_type="application/geo+json",
        headers={"Cache-Control": "private, max-age=15"},
    )


@require_safe
@requires(Permission.INDICATOR_VIEW)
def alerts(request: HttpRequest) -> JsonResponse:
    return JsonResponse(queries.open_alert_points(actor_of(request)))


@require_safe
@requires(Permission.INDICATOR_VIEW)
def air(request: HttpRequest) -> JsonResponse:
    return JsonResponse(queries.hours_of_the_worst_station(actor_of(request), timezone.now()))
