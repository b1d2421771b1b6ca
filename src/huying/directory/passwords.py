"""Password rules beyond Django's own: kinds of characters (GB/T 22239-2019, 8.1.4.1)."""

from typing import Any

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


# Django's own sentences lack a Chinese translation in places; ours are in both languages.
REASONS = {
    "password_too_short": ("密码太短，至少 10 个字符。", "The password needs 10 characters."),
    "password_too_common": (
        "这个密码太常见，容易被猜到。",
        "The password is too common and easily guessed.",
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
