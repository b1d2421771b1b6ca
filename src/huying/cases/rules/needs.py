"""What an action asks for. The usual ones have a name; a procedure may describe its own."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from django.utils.translation import get_language
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from huying.cases.rules.vocabulary import Outcome, Urgency


class Words(BaseModel):
    """A text in Chinese and English; a bare string in a file is Chinese."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str = ""

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"zh": value} if isinstance(value, str) else value

    @field_validator("zh", "en")
    @classmethod
    def _trimmed(cls, value: str) -> str:
        return value.strip()

    def __str__(self) -> str:
        """In the reader's language; Chinese where there is no English."""
        return self.en if self.en and (get_language() or "zh").startswith("en") else self.zh


class NeedKind(StrEnum):
    """How a need is filled in."""

    TEXT = "TEXT"
    LONG_TEXT = "LONG_TEXT"
    NUMBER = "NUMBER"
    YES_NO = "YES_NO"
    CHOICE = "CHOICE"
    DATE = "DATE"
    UNIT = "UNIT"
    UNITS = "UNITS"
    ACCOUNT = "ACCOUNT"
    CATEGORY = "CATEGORY"
    PHOTO = "PHOTO"


TEXT_KINDS: Final = frozenset({NeedKind.TEXT, NeedKind.LONG_TEXT})


class Need(BaseModel):
    """One thing to fill in. A photograph always says why it is needed (减负)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: NeedKind = NeedKind.TEXT
    label: Words
    hint: Words | None = None
    why: Words | None = None
    optional: bool = False
    personal: bool = False  # the ledger keeps a commitment only; texts are so anyway
    choices: Mapping[str, Words] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, value: Any) -> Any:
        """`reason`, `{photo: {why: …}}`, or a whole description with a name of its own."""
        if isinstance(value, str):
            value = {"name": value}
        elif isinstance(value, dict) and len(value) == 1 and "name" not in value:
            ((name, more),) = value.items()
            value = {"name": name, **(more or {})}
        if isinstance(value, dict) and value.get("name") in USUAL:
            value = {**USUAL[value["name"]], **value}
        return value

    @model_validator(mode="after")
    def _complete(self) -> "Need":
        if self.kind is NeedKind.PHOTO and self.why is None:
            raise ValueError("照片必须写明用途：加上 why / a photo must say why it is needed")
        if self.kind is NeedKind.CHOICE and not self.choices:
            raise ValueError("选项不能为空：加上 choices / a choice needs choices")
        return self


def _labels(vocabulary: type[Outcome] | type[Urgency]) -> dict[str, dict[str, str]]:
    english = {
        "SOLVED": "Solved",
        "PARTLY_SOLVED": "Partly solved",
        "EXPLAINED": "Explained",
        "UNFOUNDED": "Unfounded",
        "REPEATED": "Repeated",
        "COLLECTIVE": "Collective visit",
        "ESCALATED": "Escalated",
        "MASS_INCIDENT": "Mass incident",
        "WITHDRAWN": "Withdrawn",
        "TRANSFERRED": "Sent another way",
        "NORMAL": "Normal",
        "URGENT": "Urgent",
        "EMERGENCY": "Emergency",
    }
    chinese = {
        "SOLVED": "已解决",
        "PARTLY_SOLVED": "部分解决",
        "EXPLAINED": "已解释说明",
        "UNFOUNDED": "不属实",
        "REPEATED": "重复诉求",
        "COLLECTIVE": "集体访",
        "ESCALATED": "提级办理",
        "MASS_INCIDENT": "群体性事件",
        "WITHDRAWN": "本人撤回",
        "TRANSFERRED": "转其他途径",
        "NORMAL": "一般",
        "URGENT": "紧急",
        "EMERGENCY": "特急",
    }
    return {code: {"zh": chinese[code], "en": english[code]} for code in vocabulary.values}


USUAL: Final[Mapping[str, Mapping[str, Any]]] = {
    "reason": {"kind": "TEXT", "label": {"zh": "理由", "en": "Reason"}},
    "remark": {"kind": "TEXT", "label": {"zh": "情况说明", "en": "Remark"}},
    "finding": {"kind": "TEXT", "label": {"zh": "现场情况", "en": "What was found"}},
    "measures": {"kind": "TEXT", "label": {"zh": "采取的措施", "en": "Measures taken"}},
    "result": {"kind": "LONG_TEXT", "label": {"zh": "处理结果", "en": "Result"}},
    "reply": {
        "kind": "LONG_TEXT",
        "label": {"zh": "答复内容", "en": "Reply"},
        "hint": {
            "zh": "将原样告诉群众，请写清查了什么、办了什么、还有什么要做",
            "en": "Shown to the reporter word for word: what was found, done and remains",
        },
    },
    "article": {"kind": "TEXT", "label": {"zh": "依据条款", "en": "Article relied on"}},
    "unit": {"kind": "UNIT", "label": {"zh": "承办单位", "en": "Lead unit"}},
    "assisting": {"kind": "UNITS", "label": {"zh": "协办单位", "en": "Assisting units"}},
    "officer": {"kind": "ACCOUNT", "label": {"zh": "经办人", "en": "Officer"}},
    "category": {"kind": "CATEGORY", "label": {"zh": "类别", "en": "Category"}},
    "urgency": {
        "kind": "CHOICE",
        "label": {"zh": "紧急程度", "en": "Urgency"},
        "choices": _labels(Urgency),
    },
    "outcome": {
        "kind": "CHOICE",
        "label": {"zh": "办理结果", "en": "Outcome"},
        "choices": _labels(Outcome),
    },
    "people_involved": {"kind": "NUMBER", "label": {"zh": "涉及人数", "en": "People involved"}},
    "photo": {"kind": "PHOTO", "label": {"zh": "现场照片", "en": "Photograph"}},
}
