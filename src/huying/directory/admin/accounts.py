"""Accounts, posts and API tokens: the security administrator's work."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from huying.directory import actions, queries
from huying.directory.admin.acting import ActingAdmin, ActionForm, DateInput
from huying.directory.models import Account, ApiToken, Post
from huying.directory.parameters import sign_in_rules
from huying.directory.permissions import (
    SCOPE_PERMISSIONS,
    Actor,
    DomainError,
    Permission,
    Role,
)
from huying.directory.queries import actor_of


class AccountForm(ActionForm):
    password = forms.CharField(
        label=gettext_lazy("初始密码"),
        required=False,
        strip=False,
        help_text=gettext_lazy(
            "至少 10 个字符，大写字母、小写字母、数字、符号中至少三种。本人第一次登录时须修改。"
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "hy-input"}),
    )

    class Meta:
        model = Account
        fields = ("username", "name")

    def act(self, by: Actor) -> int:
        data = self.cleaned_data
        if self.instance.pk:
            actions.rename_account(account_id=self.instance.pk, name=data["name"], by=by)
            return int(self.instance.pk)
        return actions.create_account(
            username=data["username"],
            name=data["name"],
            password=data["password"] or None,
            by=by,
        )


class Operation(NamedTuple):
    """A button on an account's page."""

    code: str
    label: str
    note: str
    button: str
    danger: bool
    run: Callable[[int, Actor], None]


def _operations(account: Account) -> list[Operation]:
    found = []
    if account.locked_until and account.locked_until > timezone.now():
        found.append(
            Operation(
                "unlock",
                _("解除锁定"),
                _("连续输错密码被锁，核实是本人后解除。"),
                _("解锁"),
                False,
                lambda pk, by: actions.unlock_account(account_id=pk, by=by),
            )
        )
    if account.has_second_factor:
        found.append(
            Operation(
                "reset-second-factor",
                _("重置两步验证"),
                _("本人换了手机或丢了手机时用。"),
                _("重置"),
                True,
                lambda pk, by: actions.reset_second_factor(account_id=pk, by=by),
            )
        )
    found.append(
        Operation(
            "sign-out-everywhere",
            _("在所有设备上退出"),
            _("账号可能被人冒用时用，并请本人改密码。"),
            _("全部退出"),
            True,
            lambda pk, by: actions.sign_out_everywhere(account_id=pk, by=by),
        )
    )
    if account.is_active:
        found.append(
            Operation(
                "switch-off",
                _("停用账号"),
                _("调离或退休时用。办过的事和存证都保留。") + _handed_over(account.pk),
                _("停用"),
                True,
                lambda pk, by: actions.set_account_active(account_id=pk, active=False, by=by),
            )
        )
    else:
        found.append(
            Operation(
                "switch-on",
                _("启用账号"),
                _("启用后可以登录，岗位以现有的为准。"),
                _("启用"),
                False,
                lambda pk, by: actions.set_account_active(account_id=pk, active=True, by=by),
            )
        )
    return found


def _handed_over(account_id: int) -> str:
    """What goes to others with this button, said before it is pressed."""
    held = queries.held_by(account_id)
    if not held:
        return _("名下没有在办事项和值班班次。")
    counted = "、".join(f"{one.label} {one.count}" for one in held)
    return _("名下的%(held)s会移交给本单位值班人员或负责人。") % {"held": counted}


class GivenPasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("初始密码"),
        strip=False,
        help_text=gettext_lazy("至少 10 个字符，大写字母、小写字母、数字、符号中至少三种。"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "hy-input"}),
    )


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("状态")
    parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", _("启用")), ("idle", _("长期未登录")), ("0", _("已停用"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen == "idle":
            before = sign_in_rules().idle_before(timezone.now())
            idle = Account.objects.idle_since(before) if before else Account.objects.none()
            return queryset.filter(pk__in=idle.values("pk"))
        return queryset if chosen is None else queryset.filter(is_active=chosen == "1")


@admin.register(Account)
class AccountAdmin(ActingAdmin[Account]):
    form = AccountForm
    key_fields = ("username",)
    list_display = ("name", "username", "roles", "state", "last_login")
    list_filter = (StateFilter,)
    search_fields = ("name", "username")
    search_help_text = gettext_lazy("姓名或用户名")
    ordering = ("username",)

    def get_fields(self, request: HttpRequest, obj: Account | None = None) -> Any:
        return ("username", "name", "password") if obj is None else ("username", "name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).prefetch_related("posts")

    @admin.display(description=gettext_lazy("岗位"))
    def roles(self, account: Account) -> str:
        today = timezone.localdate()
        held = {
            Role(post.role).label
            for post in account.posts.all()
            if post.start_date <= today and (post.end_date is None or post.end_date > today)
        }
        return "、".join(sorted(held)) or "—"

    @admin.display(description=gettext_lazy("状态"), ordering="is_active")
    def state(self, account: Account) -> str:
        if not account.is_active:
            return _("已停用")
        locked = account.locked_until and account.locked_until > timezone.now()
        return _("已锁定") if locked else _("启用")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path(
                "<int:account_id>/do/<slug:code>/",
                view(self.operation_view),
                name="directory_account_operation",
            ),
            path(
                "<int:account_id>/password/",
                view(self.password_view),
                name="directory_account_password",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        extra = {
            **(extra_context or {}),
            "operations": _operations(account) if account else [],
            "posts": Post.objects.filter(account_id=account.pk)
            .select_related("organisation", "division", "grid")
            .order_by("-start_date", "-id")
            if account
            else [],
        }
        return super().change_view(request, object_id, form_url, extra)

    def operation_view(self, request: HttpRequest, account_id: int, code: str) -> HttpResponse:
        by = actor_of(request)
        by.require(Permission.ACCOUNT_MANAGE)
        account = Account.objects.filter(pk=account_id).first()
        if account is None or request.method != "POST":
            raise Http404
        chosen = next((one for one in _operations(account) if one.code == code), None)
        if chosen is not None:
            try:
                chosen.run(account_id, by)
            except DomainError as error:
                messages.error(request, error.zh)
            else:
                messages.success(request, _("已完成：%(what)s") % {"what": chosen.label})
        return HttpResponseRedirect(f"../../../{account_id}/change/")

    def password_view(self, request: HttpRequest, account_id: int) -> HttpResponse:
        by = actor_of(request)
        by.require(Permission.ACCOUNT_MANAGE)
        account = Account.objects.filter(pk=account_id).first()
        if account is None:
            raise Http404
        form = GivenPasswordForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                actions.set_password(
                    account_id=account_id, password=form.cleaned_data["password"], by=by
                )
            except DomainError as error:
                form.add_error("password", error.zh)
            else:
                messages.success(request, _("密码已重设，请当面交给本人。"))
                return HttpResponseRedirect("../change/")
        return TemplateResponse(
            request,
            "admin/directory/account/password.html",
            {
                **self.admin_site.each_context(request),
                "title": _("给%(name)s重设密码") % {"name": account.name},
                "opts": self.opts,
                "original": account,
                "form": form,
            },
            status=422 if form.errors else 200,
        )


class PostForm(ActionForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "end_date" in self.fields:
            self.fields["end_date"].help_text = _(
                "到这一天岗位结束，凭这个岗位办的事随之移交。"
            ) + _handed_over(self.instance.account_id)

    class Meta:
        model = Post
        fields = (
            "account",
            "organisation",
            "role",
            "division",
            "grid",
            "start_date",
            "end_date",
        )
        widgets = {"start_date": DateInput(), "end_date": DateInput()}

    def act(self, by: Actor) -> int:
        data = self.cleaned_data
        if self.instance.pk:
            if data["end_date"] != self.instance.end_date and data["end_date"]:
                actions.end_post(post_id=self.instance.pk, on=data["end_date"], by=by)
            return int(self.instance.pk)
        return actions.grant_post(
            post=actions.NewPost(
                account_id=data["account"].pk,
                organisation_id=data["organisation"].pk,
                role=Role(data["role"]),
                division_code=data["division"].pk if data["division"] else None,
                grid_code=data["grid"].pk if data["grid"] else None,
                start_date=data["start_date"],
                end_date=data["end_date"],
            ),
            by=by,
        )


@admin.register(Post)
class PostAdmin(ActingAdmin[Post]):
    form = PostForm
    fields = ("account", "organisation", "role", "division", "grid", "start_date", "end_date")
    key_fields = ("account", "organisation", "role", "division", "grid", "start_date")
    list_display = ("account", "role", "organisation", "division", "grid", "start_date", "end_date")
    list_filter = ("role",)
    search_fields = ("account__name", "account__username", "organisation__short_name")
    search_help_text = gettext_lazy("姓名、用户名或单位")
    ordering = ("-start_date", "-id")
    list_select_related = ("account", "organisation", "division", "grid")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "start_date": timezone.localdate(),
            **super().get_changeform_initial_data(request),
        }


_SCOPE_LABELS = {
    "reports:write": gettext_lazy("登记诉求（reports:write）"),
    "observations:write": gettext_lazy("上传监测数据（observations:write）"),
    "observations:read": gettext_lazy("读取监测数据（observations:read）"),
    "cases:read": gettext_lazy("查询事项（cases:read）"),
    "cases:act": gettext_lazy("办理事项（cases:act）"),
}


class TokenForm(ActionForm):
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("权限范围"),
        choices=[(scope, _SCOPE_LABELS.get(scope, scope)) for scope in SCOPE_PERMISSIONS],
        widget=forms.CheckboxSelectMultiple,
    )
    token: str = ""

    class Meta:
        model = ApiToken
        fields = ("name", "account", "scopes", "expires_at")

    def act(self, by: Actor) -> int:
        data = self.cleaned_data
        token_id, self.token = actions.issue_token(
            account_id=data["account"].pk,
            name=data["name"],
            scopes=data["scopes"],
            expires_at=data["expires_at"],
            by=by,
        )
        return token_id


@admin.register(ApiToken)
class ApiTokenAdmin(ActingAdmin[ApiToken]):
    form = TokenForm
    list_display = ("name", "account", "scopes", "expires_at", "revoked_at", "last_used_at")
    search_fields = ("name", "account__name")
    search_help_text = gettext_lazy("用途或责任人")
    ordering = ("-created_at",)
    list_select_related = ("account",)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        if obj is None:
            return ("name", "account", "scopes", "expires_at")
        return (
            "name",
            "account",
            "scopes",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"expires_at": timezone.now() + timedelta(days=365)}

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        messages.warning(
            request, _("令牌只显示这一次，请现在复制保存：%(token)s") % {"token": form.token}
        )

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """A token is issued and revoked, never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return actor_of(request).may(Permission.ACCOUNT_MANAGE)

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        """Revoked, not deleted: what it did stays attributed to it."""
        actions.revoke_token(token_id=obj.pk, by=actor_of(request))
