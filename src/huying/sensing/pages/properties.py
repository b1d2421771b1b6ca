"""/sensing/properties/: what is measured, in which unit, and within which bounds."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from huying.directory.pages.access import requires
from huying.directory.permissions import DomainError, Permission
from huying.directory.queries import actor_of
from huying.sensing import actions
from huying.sensing.models import Property
from huying.sensing.pages.forms import PropertyForm


@require_safe
@requires(Permission.SENSING_VIEW)
def index(request: HttpRequest) -> HttpResponse:
    """What devices brought along and nobody has looked at comes first."""
    context = {
        "rows": Property.objects.order_by("is_listed", "medium", "id"),
        "unlisted": Property.objects.filter(is_listed=False).count(),
        "may_manage": actor_of(request).may(Permission.SENSING_MANAGE),
    }
    return render(request, "sensing/properties.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.SENSING_MANAGE)
def edit(request: HttpRequest, code: str) -> HttpResponse:
    """One property; a code that is not there yet is listed by saving it."""
    row = Property.objects.filter(code=code).first()
    form = PropertyForm(request.POST or None, initial=_initial(row))
    if request.method == "POST" and form.is_valid():
        wording = actions.PropertyWording(**form.cleaned_data)
        try:
            actions.save_property(code=code, wording=wording, by=actor_of(request))
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("已保存，从下一批数据起生效"))
            return redirect("sensing_properties")
    context = {"row": row, "code": code, "form": form}
    return render(request, "sensing/property.html", context, status=422 if form.errors else 200)


def _initial(row: Property | None) -> dict[str, Any]:
    names = ("name_zh", "name_en", "medium", "unit", "wire_unit", "decimals", "minimum", "maximum")
    if row is None:
        return {"decimals": 1}
    found = {name: getattr(row, name) for name in names}
    # 10000, not 10000.0: as somebody would write it.
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in found.items()
    }
