"""What somebody filled in for an action, checked against what the action needs."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from huying.cases.rules.needs import Need, NeedKind

LONGEST_VALUE: Final = 5_000


class BadValue(Exception):
    """A need is missing or wrong."""

    def __init__(self, need: Need | None, name: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.need = need
        self.name = name
        self.zh = zh
        self.en = en


def values_of(
    needs: Sequence[Need], note: str, data: Mapping[str, Any], photos: int
) -> tuple[dict[str, Any], str]:
    """The values of the needs, checked, and what is left of the note. Raises `BadValue`."""
    given = {name: value for name, value in data.items() if value not in (None, "", [], ())}
    note = note.strip()
    for need in needs:
        texts = need.kind in {NeedKind.TEXT, NeedKind.LONG_TEXT}
        if note and texts and need.name not in given:
            given[need.name], note = note, ""
    by_name = {need.name: need for need in needs}
    for name in given:
        if name not in by_name:
            raise BadValue(
                None, name, f"这一步不填“{name}”，请删去。", f"{name} is not asked for here."
            )
    values: dict[str, Any] = {}
    for need in needs:
        if need.kind is NeedKind.PHOTO:
            if not need.optional and not photos:
                raise BadValue(
                    need,
                    need.name,
                    f"请附一张照片：{need.why.zh if need.why else ''}",
                    f"A photograph is needed: {need.why.en if need.why else ''}",
                )
        elif need.name in given:
            values[need.name] = _value(need, given[need.name])
        elif not need.optional:
            raise BadValue(
                need,
                need.name,
                f"请填写“{need.label.zh}”。",
                f"Please fill in: {need.label.en or need.label.zh}.",
            )
    if len(note) > LONGEST_VALUE:
        raise _too_long(None, "note")
    return values, note


def _too_long(need: Need | None, name: str) -> BadValue:
    return BadValue(
        need,
        name,
        f"文字太长，请控制在 {LONGEST_VALUE} 字以内。",
        f"The text is too long; keep it under {LONGEST_VALUE} characters.",
    )


def _value(need: Need, value: Any) -> Any:
    label_zh, label_en = need.label.zh, need.label.en or need.label.zh
    wrong = BadValue(
        need, need.name, f"“{label_zh}”填写有误，请重新选择。", f"{label_en} is not valid."
    )
    try:
        match need.kind:
            case NeedKind.NUMBER:
                number = int(value)
                if not 0 <= number < 10_000_000:
                    raise wrong
                return number
            case NeedKind.UNIT | NeedKind.ACCOUNT:
                return int(value)
            case NeedKind.UNITS:
                many = value if isinstance(value, list | tuple | set) else [value]
                return sorted({int(one) for one in many})
            case NeedKind.YES_NO:
                if isinstance(value, str):
                    value = {"true": True, "1": True, "on": True, "false": False, "0": False}[
                        value.lower()
                    ]
                return bool(value)
            case NeedKind.DATE:
                return (value if isinstance(value, date) else date.fromisoformat(value)).isoformat()
            case NeedKind.CHOICE:
                if value not in need.choices:
                    raise wrong
                return str(value)
    except (TypeError, ValueError, KeyError):
        raise wrong from None
    text = str(value).replace("\x00", "").strip()
    if not text:
        raise BadValue(need, need.name, f"请填写“{label_zh}”。", f"Please fill in: {label_en}.")
    if len(text) > LONGEST_VALUE:
        raise _too_long(need, need.name)
    return text
