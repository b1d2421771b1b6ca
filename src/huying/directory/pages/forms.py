"""The forms of signing in and of one's own account."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class SecretField(forms.CharField):
    """A password, as it was typed; `how` tells the browser's password store which one."""

    def __init__(self, how: str, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": how})
        super().__init__(max_length=256, strip=False, widget=widget, **kwargs)


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("用户名"),
        max_length=60,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )
    password = SecretField("current-password", label=_("密码"))


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("6 位验证码"),
        max_length=12,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "pattern": "[0-9 ]*",
            }
        ),
    )


class ConfirmForm(forms.Form):
    password = forms.CharField(
        label=_("密码"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "hy-input"}),
    )


class PasswordForm(forms.Form):
    old = SecretField("current-password", label=_("原密码"))
    new = SecretField(
        "new-password",
        label=_("新密码"),
        help_text=_("至少 10 个字符，大写字母、小写字母、数字、符号中至少三种。"),
    )
    again = SecretField("new-password", label=_("再输一遍新密码"))

    def clean_again(self) -> str:
        again = str(self.cleaned_data["again"])
        if "new" in self.cleaned_data and again != self.cleaned_data["new"]:
            raise forms.ValidationError(_("两次输入的新密码不一样，请再输一遍。"))
        return again
