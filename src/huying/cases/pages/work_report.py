"""随手报, 代报: what a grid worker saw, or takes down for somebody."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from huying.cases.actions import Contact
from huying.cases.pages.report_forms import PhoneField, ReportForm
from huying.cases.pages.resident import handed_in, onward, refuse, report_page
from huying.cases.pages.work import tabs
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import DomainError, Permission

_TEMPLATE = "cases/work/report.html"


class WorkerReportForm(ReportForm):
    """As residents fill it in; who the worker is need not be typed."""

    who = forms.ChoiceField(
        label=gettext_lazy("谁的事"),
        required=False,
        choices=[
            (ReportForm.SELF, gettext_lazy("我看到的")),
            (ReportForm.OTHER, gettext_lazy("替群众报")),
        ],
        initial=ReportForm.SELF,
    )
    other_name = forms.CharField(label=gettext_lazy("怎么称呼"), max_length=40, required=False)
    other_phone = PhoneField(label=gettext_lazy("联系电话"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["name"], self.fields["phone"]

    def contact(self) -> Contact | None:
        if not self.on_behalf:
            return None
        data = self.cleaned_data
        return Contact(name=data["other_name"], phone=data["other_phone"]) or None

    def submitter(self) -> Contact | None:
        return None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.REPORT_RECORD)
def report(request: HttpRequest) -> HttpResponse:
    """One page, photograph first; channel GRID. The receipt can be handed to the person."""
    if request.method != "POST":
        return report_page(request, WorkerReportForm(), template=_TEMPLATE, tabs=tabs("report"))
    form = WorkerReportForm(request.POST, request.FILES)
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
