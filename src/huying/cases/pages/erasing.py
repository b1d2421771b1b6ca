"""依法删除个人信息: find the person, see what goes and what stays, state why, confirm."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from huying.cases import queries
from huying.cases.pages.resident import in_language
from huying.directory import actions as directory_actions
from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import DomainError, Permission

# 《个人信息保护法》第四十七条第一款，(一)至(四)项。
GROUNDS: Final = {
    "DONE": gettext_lazy("处理目的已实现、无法实现或者不再必要"),
    "EXPIRED": gettext_lazy("不再提供服务，或者保存期限已满"),
    "WITHDRAWN": gettext_lazy("个人撤回同意"),
    "UNLAWFUL": gettext_lazy("处理违反法律、行政法规或者约定"),
}


class LookupField(forms.CharField):
    """What somebody is found by; the browser keeps none of it."""

    def __init__(self, label: Any, max_length: int, **attrs: str) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "off", **attrs})
        super().__init__(label=label, max_length=max_length, required=False, widget=widget)


class FindForm(forms.Form):
    """Posted, never in an address: a telephone number does not belong in a log."""

    phone = LookupField(gettext_lazy("电话"), 30, inputmode="tel")
    id_number = LookupField(gettext_lazy("证件号码"), 30)
    name = LookupField(gettext_lazy("姓名"), 60)

    def clean(self) -> dict[str, Any]:
        if not any(self.cleaned_data.values()):
            raise forms.ValidationError(_("请至少填一项：电话、证件号码或者姓名。"))
        return self.cleaned_data


class EraseForm(forms.Form):
    ground = forms.ChoiceField(
        label=gettext_lazy("法定情形"),
        help_text=gettext_lazy("《个人信息保护法》第四十七条第一款"),
        choices=[("", gettext_lazy("请选择")), *GROUNDS.items()],
        error_messages={"required": gettext_lazy("请选择符合哪种情形。")},
    )
    reason = forms.CharField(
        label=gettext_lazy("具体依据"),
        help_text=gettext_lazy(
            "如：本人 11 月 20 日书面申请，已核对身份证。不要写本人的姓名、电话。"
        ),
        min_length=4,
        max_length=120,
        error_messages={
            "required": gettext_lazy("请写明依据。"),
            "min_length": gettext_lazy("依据请写清楚一点，至少 4 个字。"),
        },
    )
    sure = forms.BooleanField(
        label=gettext_lazy("已核对是本人（或其监护人、近亲属）提出，知道删除后无法恢复"),
        error_messages={"required": gettext_lazy("请确认。")},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.PERSON_ERASE)
def find(request: HttpRequest) -> HttpResponse:
    """The person by telephone, ID number or name; shown masked."""
    if request.method != "POST":
        return render(request, "cases/erasing/find.html", {"form": FindForm()})
    form = FindForm(request.POST)
    if not form.is_valid():
        return render(request, "cases/erasing/find.html", {"form": form}, status=422)
    actor = directory.actor_of(request)
    found = directory.find_people(by=actor, **form.cleaned_data)
    people = [one for one in found if queries.known_here(one.id, actor)]
    context = {"form": form, "people": people, "asked": True}
    return render(request, "cases/erasing/find.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.PERSON_ERASE)
def erase(request: HttpRequest, person_id: int) -> HttpResponse:
    """What goes and what stays; then the erasing itself, which nobody can take back."""
    actor = directory.actor_of(request)
    if not queries.person_holdings(person_id, actor).known_here:
        # Numbers can be counted through: a stranger to the territory is not shown, even masked.
        raise Http404
    form = EraseForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            ground = GROUNDS[form.cleaned_data["ground"]]
            try:
                directory_actions.erase_person(
                    person_id=person_id, reason=f"{ground}；{form.cleaned_data['reason']}", by=actor
                )
            except DomainError as error:
                form.add_error(None, in_language(error))
                status = error.status
            else:
                messages.success(request, _("已删除，并记入存证。事项本身和办理结果还在。"))
                return HttpResponseRedirect(reverse("erase_find"))
    person = directory.masked_person(person_id)
    if person is None or person.erased:
        raise Http404
    context = {"person": person, "held": queries.person_holdings(person_id, actor), "form": form}
    return render(request, "cases/erasing/erase.html", context, status=status)
