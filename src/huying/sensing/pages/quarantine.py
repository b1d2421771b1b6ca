"""/sensing/quarantine/: what could not be taken, why, and the button that mends it."""

from typing import Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from huying.directory.pages.access import requires
from huying.directory.permissions import Permission
from huying.directory.queries import actor_of
from huying.sensing import actions, queries

PAGE: Final = 50
_SETTLED: Final = {
    "ACCEPTED": gettext_lazy("已入库"),
    "DUPLICATE": gettext_lazy("早已入库"),
    "DISMISSED": gettext_lazy("已标为不采用"),
}


def _language() -> str:
    return "en" if (get_language() or "").startswith("en") else "zh"


@require_safe
@requires(Permission.QUARANTINE_REPLAY)
def index(request: HttpRequest) -> HttpResponse:
    reason, mn = request.GET.get("reason", ""), request.GET.get("mn", "")
    outcome = request.GET.get("outcome", "WAITING")
    outcome = outcome if outcome in _SETTLED else "WAITING"
    before = request.GET.get("before", "")
    rows = queries.quarantine_page(
        reason=reason,
        outcome=outcome,
        mn=mn,
        before_id=int(before) if before.isdigit() else None,
        limit=PAGE,
    )
    language = _language()
    counts = queries.quarantine_counts()
    query = {"reason": reason, "mn": mn, "outcome": outcome}
    following = urlencode({**query, "before": rows[-1].id}) if len(rows) == PAGE else ""
    chosen_label = next((i.label(language) for i in counts if i.reason == reason), "")
    asked = _SETTLED.get(outcome, chosen_label)
    context = {
        "chosen": [words for words in (asked, mn) if words],
        "settled": _SETTLED.items(),
        "rows": [(row, row.label(language), row.sentence(language)) for row in rows],
        "counts": [(item.reason, item.label(language), item.count) for item in counts],
        "total": sum(item.count for item in counts),
        "chosen_count": next((item.count for item in counts if item.reason == reason), 0),
        "chosen_label": chosen_label,
        "reason": reason,
        "mn": mn,
        "outcome": outcome,
        "page": {"next_url": f"?{following}" if following else ""},
    }
    return render(request, "sensing/quarantine.html", context)


def _ids(request: HttpRequest) -> list[int]:
    return [int(value) for value in request.POST.getlist("id") if value.isdigit()][:PAGE]


def _back(request: HttpRequest) -> HttpResponse:
    query = {name: request.POST[name] for name in ("reason", "mn") if request.POST.get(name)}
    response = redirect("sensing_quarantine")
    if query:
        response["Location"] += f"?{urlencode(query)}"
    return response


@require_POST
@requires(Permission.QUARANTINE_REPLAY)
def replay(request: HttpRequest) -> HttpResponse:
    """Take the chosen items again, or all of the chosen reason and device."""
    by = actor_of(request)
    if "only" in request.POST and request.POST["only"].isdigit():
        result = actions.replay_quarantine(by=by, ids=[int(request.POST["only"])])
    elif request.POST.get("all") == "1" and request.POST.get("reason"):
        result = actions.replay_quarantine(
            by=by, reason=request.POST["reason"], mn=request.POST.get("mn", "")
        )
    else:
        result = actions.replay_quarantine(by=by, ids=_ids(request))
    if result.refused:
        messages.warning(
            request,
            _("处理完毕：入库 %(accepted)s 条，早已入库 %(duplicates)s 条，"
              "仍有 %(refused)s 条不能入库，原因已更新。")
            % {
                "accepted": result.accepted,
                "duplicates": result.duplicates,
                "refused": result.refused,
            },
        )  # fmt: skip
    else:
        messages.success(
            request,
            _("处理完毕：入库 %(accepted)s 条，早已入库 %(duplicates)s 条")
            % {"accepted": result.accepted, "duplicates": result.duplicates},
        )
    return _back(request)


@require_POST
@requires(Permission.QUARANTINE_REPLAY)
def dismiss(request: HttpRequest) -> HttpResponse:
    """Settle items as not wanted."""
    only = request.POST.get("only", "")
    ids = [int(only)] if only.isdigit() else _ids(request)
    number = actions.dismiss_quarantine(ids=ids, by=actor_of(request))
    messages.success(request, _("已标为不采用 %s 条，原文保留 180 天") % number)
    return _back(request)
