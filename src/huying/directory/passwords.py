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
