"""Password rules beyond Django's own: kinds of characters (GB/T 22239-2019, 8.1.4.1), and no word
that everybody would try first, however it is dressed up."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class ThreeKindsValidator:
    """At least three of: lower-case letters, capitals, digits, other characters."""

    def validate(self, password: str, user: Any = None) -> None:
        kinds = [
            any(c.islower() for c in password),
            any(c.isupper() for c in password),
            any(c.isdigit() for c in password),
            any(not c.isalnum() for c in password),
        ]
        if sum(kinds) < 3:
            raise ValidationError(self.get_help_text(), code="password_too_plain")

    def get_help_text(self) -> str:
        return _("密码须包含大写字母、小写字母、数字、符号中的至少三种。")


# Words of this place and this work: OWASP ASVS 5.0, 6.1.2. What the county is called at its own
# address is added by itself.
_WORDS: Final = (
    "huying admin administrator root system security audit auditor password passwd pass mima "
    "guest user test login denglu zhanghao guanli guanliyuan wangge wanggeyuan zhili zongzhi "
    "zhongxin diaodu shouli jingban xinfang tiaojie shequ jiedao xianwei xianzheng zhengfu "
    "minzheng gongan zhengfa china zhongguo gov iloveyou woaini welcome changeme letmein "
    "qwerty qwertyuiop asdfgh zxcvbn abc abcd abcdef xyz hotline "
)
CONTEXT_WORDS: Final = frozenset(_WORDS.split())
_LEAST_LEFT: Final = 4
_LETTERS_FOR: Final = str.maketrans({"0": "o", "1": "l", "3": "e", "4": "a", "@": "a", "5": "s",
                                     "$": "s", "7": "t", "!": "i"})  # fmt: skip


def context_words() -> frozenset[str]:
    """The words a password may not be made of here."""
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    own = {part for part in host.split(".") if len(part) > 2 and part.isalpha()}
    return CONTEXT_WORDS | own | {settings.COUNTY.lower()}


class DressedUpValidator:
    """`P@ssw0rd2026!` is `password`: letters are read for what stands for them, digits and signs
    around are taken away, and of what is left no common password and no word of this place
    may be the most part."""

    def validate(self, password: str, user: Any = None) -> None:
        common = CommonPasswordValidator().passwords
        plain = password.lower()
        for text in {plain, plain.translate(_LETTERS_FOR)}:
            core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)
            left = core
            for word in sorted(context_words(), key=len, reverse=True):
                left = left.replace(word, "")
            if core in common or len(re.sub(r"[\W\d_]", "", left)) < _LEAST_LEFT:
                raise ValidationError(self.get_help_text(), code="password_dressed_up")

    def get_help_text(self) -> str:
        return _("不能用常见的词、单位名、系统名加几个数字或符号来凑，容易被猜到。")


# Django's own sentences lack a Chinese translation in places; ours are in both languages.
REASONS = {
    "password_too_short": ("密码太短，至少 10 个字符。", "The password needs 10 characters."),
    "password_too_common": (
        "这个密码太常见，容易被猜到。",
        "The password is too common and easily guessed.",
    ),
    "password_dressed_up": (
        "不能用常见的词、单位名、系统名加几个数字或符号来凑，容易被猜到。",
        "A common word or a name of this system with digits and signs around it is easily guessed.",
    ),
    "password_too_similar": (
        "密码与用户名或姓名太像。",
        "The password is too similar to the user name or the name.",
    ),
    "password_too_plain": (
        "密码须包含大写字母、小写字母、数字、符号中的至少三种。",
        "The password needs three of: capitals, small letters, digits, other characters.",
    ),
}


def reasons(error: ValidationError) -> tuple[str, str]:
    """Why a password was refused, in Chinese and in English; an unknown rule speaks for itself."""
    found = [REASONS.get(one.code or "", (" ".join(one.messages),) * 2) for one in error.error_list]
    return "".join(zh for zh, _ in found), " ".join(en for _, en in found)
