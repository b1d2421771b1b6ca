"""A form for any step of any procedure, made of what the step needs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from django import forms
from django.utils.translation import gettext_lazy as _

from huying.cases import queries
from huying.cases.pages.report_forms import PhotosField
from huying.cases.queries import OfferedAction
from huying.cases.rules.needs import Need, NeedKind
from huying.directory import queries as directory

Maker: TypeAlias = Callable[[Need, dict[str, Any]], forms.Field]

# What is most often said, so that a wet thumb need not type it. By action and need.
PHRASES: Final[Mapping[tuple[str, str], Sequence[Any]]] = {
    ("confirm_true", "finding"): [
        _("正在发生"),
        _("已劝停"),
        _("人已离开，痕迹还在"),
        _("面积较大"),
    ],
    ("confirm_false", "finding"): [_("四周走过一圈"), _("问过附近住户"), _("设备外观正常")],
    ("verify", "finding"): [_("现场已办好"), _("问过反映人，认可"), _("周边已清理干净")],
    ("reject", "reason"): [_("还没有动工"), _("只办了一部分"), _("又反复了"), _("反映人不认可")],
    ("remark", "remark"): [_("已到场看过"), _("联系不上反映人"), _("路不通，改时间再去")],
    ("contact", "remark"): [_("已打电话说明情况"), _("已当面说明情况")],
    ("resolve", "result"): [_("现场已处理完毕"), _("已责令停止")],
    ("answer", "reply"): [_("已到现场查看。"), _("问题已经解决。")],
}


def _text(need: Need, common: dict[str, Any]) -> forms.Field:
    long = need.kind is NeedKind.LONG_TEXT
    rows = 5 if long else 2
    return forms.CharField(
        max_length=4000 if long else 1000,
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"required": _("请写一句。")},
        **common,
    )


def _choice(need: Need, common: dict[str, Any]) -> forms.Field:
    return forms.ChoiceField(
        choices=[(code, str(words)) for code, words in need.choices.items()],
        widget=forms.RadioSelect,
        error_messages={"required": _("请点一个。")},
        **common,
    )


def _yes_no(need: Need, common: dict[str, Any]) -> forms.Field:
    return forms.TypedChoiceField(
        choices=[("yes", _("是")), ("no", _("否"))],
        coerce=lambda value: value == "yes",
        empty_value=None,
        widget=forms.RadioSelect,
        **common,
    )


def _number(need: Need, common: dict[str, Any]) -> forms.Field:
    return forms.IntegerField(widget=forms.NumberInput(attrs={"inputmode": "numeric"}), **common)


def _date(need: Need, common: dict[str, Any]) -> forms.Field:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), **common)


def _units() -> list[tuple[int, str]]:
    return [(one.id, one.name) for one in directory.organisations()]


def _unit(need: Need, common: dict[str, Any]) -> forms.Field:
    return forms.TypedChoiceField(
        choices=[("", _("请选择")), *_units()], coerce=int, empty_value=None, **common
    )


def _several_units(need: Need, common: dict[str, Any]) -> forms.Field:
    return forms.TypedMultipleChoiceField(
        choices=_units(), coerce=int, widget=forms.CheckboxSelectMultiple, **common
    )


def _category(need: Need, common: dict[str, Any]) -> forms.Field:
    known = [(one.code, one.name) for one in queries.categories()]
    return forms.ChoiceField(choices=[("", _("请选择")), *known], **common)


def _account(need: Need, common: dict[str, Any]) -> forms.Field:
    return forms.IntegerField(**common)


def _photo(need: Need, common: dict[str, Any]) -> forms.Field:
    return PhotosField(error_messages={"required": _("这一步要有一张照片。")}, **common)


_MAKERS: Final[Mapping[NeedKind, Maker]] = {
    NeedKind.TEXT: _text,
    NeedKind.LONG_TEXT: _text,
    NeedKind.NUMBER: _number,
    NeedKind.YES_NO: _yes_no,
    NeedKind.CHOICE: _choice,
    NeedKind.DATE: _date,
    NeedKind.UNIT: _unit,
    NeedKind.UNITS: _several_units,
    NeedKind.ACCOUNT: _account,
    NeedKind.CATEGORY: _category,
    NeedKind.PHOTO: _photo,
}


class ActForm(forms.Form):
    """Fields named as the needs; `values()` is the `data` of `actions.act`."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, offer: OfferedAction, *args: Any, **kwargs: Any) -> None:
        # The same page may hold several of these: labels must not meet.
        kwargs.setdefault("auto_id", f"{offer.code}_%s")
        super().__init__(*args, **kwargs)
        self.offer = offer
        for need in offer.needs:
            field = _MAKERS[need.kind](
                need,
                {
                    "label": str(need.label),
                    "help_text": str(need.why or need.hint or ""),
                    "required": not need.optional,
                },
            )
            # Read by the template: how to draw it, and what can be tapped instead of typed.
            field.need_kind = need.kind.value  # type: ignore[attr-defined]  # a note for the template
            field.phrases = PHRASES.get((offer.code, need.name), ())  # type: ignore[attr-defined]  # as above
            self.fields[need.name] = field

    def values(self) -> dict[str, Any]:
        """What was filled in, without photographs and without what was left empty."""
        photos = {need.name for need in self.offer.needs if need.kind is NeedKind.PHOTO}
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in photos and name != "version" and value not in (None, "", [])
        }

    def photos(self) -> list[Any]:
        """All photographs given."""
        return [
            file
            for need in self.offer.needs
            if need.kind is NeedKind.PHOTO
            for file in self.cleaned_data.get(need.name, [])
        ]
