"""/inbox/: what I was told, on the phone and at the desk."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from huying.directory.pages.access import requires
from huying.directory.queries import actor_of
from huying.notices import actions, queries
from huying.notices.pages.shells import shell
from huying.notices.pages.words import CHANNELS, DELIVERY_STATES, TOPICS
from huying.notices.queries import InboxRow

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Shown:
    row: InboxRow
    topic: str
    trail: list[tuple[str, str, object]]
    """Channel, state and time of each delivery beside the inbox."""


@never_cache
@require_safe
@requires()
def inbox(request: HttpRequest) -> HttpResponse:
    account_id = actor_of(request).own_account()
    only_unread = request.GET.get("show") == "unread"
    page = queries.inbox(
        account_id, before=_before(request.GET.get("before", "")), only_unread=only_unread
    )
    first = "show=unread&" if only_unread else ""
    context = {
        **shell(request),
        "rows": [_shown(row) for row in page.rows],
        "newest": page.rows[0].id if page.rows else 0,
        "only_unread": only_unread,
        "is_later": "before" in request.GET,
        "unread": queries.unread_count(account_id),
        "page": {
            "previous_url": (f"?{first}".rstrip("&?") or "/inbox/")
            if "before" in request.GET
            else "",
            "next_url": f"?{first}before={page.next_before}" if page.next_before else "",
        },
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "notices/inbox_rows.html" if part else "notices/inbox.html", context)


def _before(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST else None


def _shown(row: InboxRow) -> _Shown:
    label, _hint = TOPICS.get(row.topic, (row.topic, ""))
    return _Shown(
        row,
        str(label),
        [
            (d.name or str(CHANNELS[d.channel]), str(DELIVERY_STATES[d.state]), d.sent_at)
            for d in row.deliveries
        ],
    )


@never_cache
@require_safe
@requires()
def open_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Read it and go where it leads. The address in a push or a text message is this one, so
    that reading it anywhere ends the reminders."""
    actor = actor_of(request)
    notice = queries.notice_of(actor.own_account(), notice_id)
    if notice is None:
        raise Http404
    # A browser that fetches ahead has shown nothing to anybody.
    if not notice.is_read and "prefetch" not in request.headers.get("Sec-Purpose", ""):
        actions.mark_read(notice_ids=[notice_id], by=actor)
    inside = url_has_allowed_host_and_scheme(notice.link, allowed_hosts=None)
    return HttpResponseRedirect(notice.link if notice.link and inside else "/inbox/")


@require_POST
@requires()
def read_all(request: HttpRequest) -> HttpResponse:
    up_to = _before(request.POST.get("up_to", ""))
    if up_to is None:
        return HttpResponseRedirect("/inbox/")
    marked = actions.mark_all_read(up_to=up_to, by=actor_of(request))
    if marked:
        messages.success(
            request,
            ngettext("%(count)d 条消息已标为已读。", "%(count)d 条消息已标为已读。", marked)
            % {"count": marked},
        )
    else:
        messages.success(request, _("没有未读消息。"))
    return HttpResponseRedirect("/inbox/")
