"""随手报, 代报: what a grid worker saw, or takes down for somebody."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from huying.cases.pages.report_forms import ReportForm
from huying.cases.pages.resident import handed_in, onward, refuse, report_page
from huying.cases.pages.work import tabs
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import DomainError, Permission

_TEMPLATE = "cases/work/report.html"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.REPORT_RECORD)
def report(request: HttpRequest) -> HttpResponse:
    """One page, photograph first; channel GRID. The receipt can be handed to the person."""
    if request.method != "POST":
        return report_page(request, ReportForm(), template=_TEMPLATE, tabs=tabs("report"))
    form = ReportForm(request.POST, request.FILES)
    received, status = None, 422
    if form.is_valid():
        try:
            received = handed_in(form, "", directory.actor_of(request), "GRID")
        except DomainError as error:
            status = refuse(form, error)
    if received is None:
        return report_page(request, form, status, template=_TEMPLATE, tabs=tabs("report"))
    messages.success(
        request,
        _("已收到，回执号 %(receipt)s。") % {"receipt": received.receipt_display},
    )
    if form.on_behalf:
        # The person it is for keeps the receipt: shown at once, to be photographed or scanned.
        return onward(request, reverse("receipt", args=[received.receipt]))
    return onward(request, reverse("work"))
