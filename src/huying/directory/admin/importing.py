"""Master data from whole files: an import page beside the list."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from huying.directory import actions
from huying.directory.admin.acting import ActingAdmin, M
from huying.directory.permissions import Actor, DomainError, Permission
from huying.directory.queries import actor_of
from huying.standards.errors import InvalidInput

_LARGEST_FILE = 20 * 2**20


class ImportForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("文件"), required=False)
    text = forms.CharField(
        label=gettext_lazy("或粘贴内容"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 10, "class": "hy-input"}),
    )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        upload = data.get("file")
        if upload is not None:
            if upload.size > _LARGEST_FILE:
                raise forms.ValidationError(_("文件超过 20 MB，请分几次导入。"))
            raw = upload.read()
            try:
                data["text"] = raw.decode("utf-8-sig")
            except UnicodeDecodeError:
                # WPS and Excel save CSV in the system's encoding unless told otherwise.
                try:
                    data["text"] = raw.decode("gb18030")
                except UnicodeDecodeError:
                    raise forms.ValidationError(
                        _("文件不是文本，请另存为 CSV（UTF-8）或 GeoJSON。")
                    ) from None
        if not str(data.get("text") or "").strip():
            raise forms.ValidationError(_("请选择文件或粘贴内容。"))
        return data


class ImportableAdmin(ActingAdmin[M]):
    """An admin with an import page for whole files."""

    import_guide: ClassVar[Any] = ""
    read: ClassVar[Callable[[str], Sequence[Any]]]

    def take(self, rows: Sequence[Any], by: Actor) -> actions.ImportResult:
        raise NotImplementedError  # each admin names its own import action

    def refused(self, error: DomainError | InvalidInput) -> list[str]:
        """What to show of a refusal, a line each."""
        return [error.zh]

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_import"
        own = path("import/", self.admin_site.admin_view(self.import_view), name=name)
        return [own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_import"
        may = actor_of(request).may(Permission.DIRECTORY_MANAGE)
        extra = {"import_url": reverse(name)} if may else {}
        return super().changelist_view(request, {**(extra_context or {}), **extra})

    def import_view(self, request: HttpRequest) -> HttpResponse:
        by = actor_of(request)
        by.require(Permission.DIRECTORY_MANAGE)
        form = ImportForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                result = self.take(type(self).read(form.cleaned_data["text"]), by)
            except (DomainError, InvalidInput) as error:
                form.add_error(None, self.refused(error))
            else:
                messages.success(request, _("已导入 %(n)s 条。") % {"n": result.count})
                for warning in result.warnings:
                    messages.warning(request, warning)
                return HttpResponseRedirect("../")
        return TemplateResponse(
            request,
            "admin/import.html",
            {
                **self.admin_site.each_context(request),
                "title": _("导入%(name)s") % {"name": self.opts.verbose_name_plural},
                "opts": self.opts,
                "form": form,
                "guide": self.import_guide,
            },
            status=422 if form.errors else 200,
        )
