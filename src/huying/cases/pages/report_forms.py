"""Forms of taking in a report. Gentle on purpose: what cannot be read is left out, not refused."""

import math
import re
import secrets
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from huying.cases import queries
from huying.cases.actions import Contact

LONGEST_TEXT = 5000
MOST_PHOTOS = 9
_PHONE = re.compile(r"^[0-9+][0-9 -]{4,19}$")


class PhotosInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Any number of files; `cleaned_data` holds a list. What they are is looked at on storing."""

    widget = PhotosInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        if self.required and not files:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return [file for file in files if file]


class DegreesField(forms.FloatField):
    """A coordinate from the map; nonsense is nothing, for no place may stop a report."""

    widget = forms.HiddenInput

    def __init__(self, limit: float) -> None:
        self.limit = limit
        super().__init__(required=False)

    def clean(self, value: Any) -> float | None:
        try:
            degrees = float(value)
        except (TypeError, ValueError):
            return None
        return degrees if math.isfinite(degrees) and abs(degrees) <= self.limit else None


class PhoneField(forms.CharField):
    """A telephone number as people write it: 11 digits, or one with an area code."""

    def __init__(self, **more: Any) -> None:
        attributes = {"inputmode": "tel", "type": "tel"}
        super().__init__(
            required=False, max_length=30, widget=forms.TextInput(attrs=attributes), **more
        )

    def clean(self, value: Any) -> str:
        number = str(super().clean(value)).replace("－", "-").replace("（", "").replace("）", "-")
        if number and not _PHONE.match(number):
            raise forms.ValidationError(
                _("电话号码没有看懂。请只填数字，如 13812345678；不想留可以空着。")
            )
        return number


class ReportForm(forms.Form):
    """What a resident hands in; also a grid worker on somebody's behalf."""

    SELF, OTHER = "SELF", "OTHER"

    photos = PhotosField(label=_("照片"), required=False)
    lon = DegreesField(180)
    lat = DegreesField(90)
    phone_lon = DegreesField(180)
    phone_lat = DegreesField(90)
    place_text = forms.CharField(
        label=_("地点怎么说"),
        help_text=_("如：文化路与新华街路口，邮局门前。可以按键盘上的话筒说。"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    text = forms.CharField(
        label=_("是什么事"),
        help_text=_("什么情况、多久了、希望怎么办。可以按键盘上的话筒说。"),
        max_length=LONGEST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={
            "max_length": _(
                "写了 %(show_value)s 字，请控制在 %(limit_value)s 字以内，更多材料可以拍照。"
            )
        },
    )
    who = forms.ChoiceField(
        label=_("为谁反映"),
        required=False,
        choices=[(SELF, _("我自己")), (OTHER, _("帮别人"))],
        initial=SELF,
    )
    other_name = forms.CharField(
        label=_("帮谁反映，怎么称呼"),
        help_text=_("如：我母亲王桂兰"),
        max_length=40,
        required=False,
    )
    other_phone = PhoneField(label=_("那位的电话"))
    name = forms.CharField(
        label=_("怎么称呼您"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    phone = PhoneField(label=_("您的电话"), help_text=_("办理时可能要问您一句，不会外传。"))
    secret = forms.BooleanField(label=_("对外保密"), required=False)
    idempotency_key = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.categories = queries.categories()
        self.fields["category"] = forms.ChoiceField(
            label=_("哪一类"),
            required=False,
            choices=[("", ""), *((one.code, one.name) for one in self.categories)],
            error_messages={"invalid_choice": _("没有这个类别，请重新选，或选“不确定”。")},
        )
        self.fields["phone"].widget.attrs["autocomplete"] = "tel"
        self.fields["idempotency_key"].initial = new_key

    def clean_category(self) -> str:
        return str(self.cleaned_data.get("category") or "")

    def clean(self) -> dict[str, Any]:
        data = dict(super().clean() or {})
        if not data.get("text") and not data.get("photos") and "text" not in self.errors:
            self.add_error("text", _("写几句话，或者拍一张照片，我们才知道是什么事。"))
        # One coordinate without the other is no place.
        for lon, lat in (("lon", "lat"), ("phone_lon", "phone_lat")):
            if data.get(lon) is None or data.get(lat) is None:
                data[lon] = data[lat] = None
        return data

    def fresh_key(self) -> None:
        """Another key for the same form: the last one belongs to a report already received."""
        self.data = {**dict(self.data.items()), "idempotency_key": new_key()}

    @property
    def on_behalf(self) -> bool:
        return bool(self.cleaned_data["who"] == self.OTHER)

    def contact(self) -> Contact | None:
        """Whose matter it is; None where nothing was left."""
        data = self.cleaned_data
        found = (
            Contact(name=data["other_name"], phone=data["other_phone"])
            if self.on_behalf
            else Contact(name=data["name"], phone=data["phone"])
        )
        return found or None

    def submitter(self) -> Contact | None:
        """Who speaks for somebody else."""
        if not self.on_behalf:
            return None
        return Contact(name=self.cleaned_data["name"], phone=self.cleaned_data["phone"]) or None


def new_key() -> str:
    """A fresh idempotency key: the form carries it, so that a second tap changes nothing."""
    return secrets.token_urlsafe(18)


class RatingForm(forms.Form):
    level = forms.TypedChoiceField(
        label=_("这件事办得怎么样"),
        coerce=int,
        choices=[(level, str(level)) for level in range(5, 0, -1)],
        error_messages={"required": _("请先点一个表情。"), "invalid_choice": _("请点一个表情。")},
    )
    comment = forms.CharField(
        label=_("还想说一句"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class FollowUpForm(forms.Form):
    comment = forms.CharField(
        label=_("追加评价"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("请写下您想说的话。")},
    )


class SupplementForm(forms.Form):
    text = forms.CharField(
        label=_("补充什么情况"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    photos = PhotosField(label=_("照片"), required=False)

    def clean(self) -> dict[str, Any]:
        data = dict(super().clean() or {})
        if not data.get("text") and not data.get("photos"):
            self.add_error("text", _("请写几句话，或者加一张照片。"))
        return data


class WithdrawForm(forms.Form):
    """Why somebody wants no answer any more: one tap, or a sentence."""

    REASONS = {
        "SOLVED": _("事情已经解决了"),
        "SETTLED": _("已和对方说好了"),
        "MISTAKE": _("反映错了，或者重复了"),
        "OTHER": _("不想再反映了"),
    }
    why = forms.ChoiceField(
        label=_("为什么撤回"),
        choices=list(REASONS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("请选一个原因。")},
    )
    words = forms.CharField(
        label=_("还想说一句"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def reason(self) -> str:
        why = str(self.REASONS[self.cleaned_data["why"]])
        return "；".join(filter(None, [why, self.cleaned_data["words"]]))
