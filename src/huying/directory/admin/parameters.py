"""The working calendar: imported, looked at, corrected by another import."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from huying.directory import actions
from huying.directory.admin.acting import ActingAdmin, ActionForm
from huying.directory.models import WorkingYear
from huying.directory.permissions import Actor


class WorkingYearForm(ActionForm):
    table = forms.CharField(
        label=gettext_lazy("放假和调休表"),
        help_text=gettext_lazy(
            "每行一天，首行写“日期,类型”，类型写“放假”或“调休上班”。例如：<br>日期,类型<br>"
            "2027-01-01,放假<br>2027-01-09,调休上班"
        ),
        widget=forms.Textarea(attrs={"rows": 14, "class": "hy-input"}),
    )

    class Meta:
        model = WorkingYear
        fields = ("source",)

    def act(self, by: Actor) -> Any:
        years = actions.import_working_year(
            table=self.cleaned_data["table"], source=self.cleaned_data["source"], by=by
        )
        if not years:
            raise actions.CalendarRefused(
                "与现有安排完全相同，没有变化。", "Nothing differs from the calendar in force."
            )
        return years[-1]


@admin.register(WorkingYear)
class WorkingYearAdmin(ActingAdmin[WorkingYear]):
    form = WorkingYearForm
    list_display = ("year", "source", "days_off", "days_made_up", "imported_at")
    ordering = ("-year",)

    @admin.display(description=gettext_lazy("放假（天）"))
    def days_off(self, row: WorkingYear) -> int:
        return len(row.holidays)

    @admin.display(description=gettext_lazy("调休上班（天）"))
    def days_made_up(self, row: WorkingYear) -> int:
        return len(row.make_up_days)

    def get_fields(self, request: HttpRequest, obj: WorkingYear | None = None) -> Any:
        if obj is None:
            return ("source", "table")
        return ("year", "source", "holidays", "make_up_days", "imported_at")

    def has_change_permission(self, request: HttpRequest, obj: WorkingYear | None = None) -> bool:
        """A year is corrected by importing its table again, never line by line."""
        return False
