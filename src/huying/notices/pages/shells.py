"""Grid workers hold a phone; the others sit at a desk."""

from typing import Any

from django.http import HttpRequest

from huying.directory.permissions import Role
from huying.directory.queries import actor_of, home_of


def shell(request: HttpRequest) -> dict[str, Any]:
    """The template to extend, and where the arrow leads back to."""
    actor = actor_of(request)
    phone = actor.roles == {Role.GRID_WORKER}
    return {
        "shell": "notices/shell_phone.html" if phone else "notices/shell_desk.html",
        "is_phone": phone,
        "home": home_of(actor),
    }
