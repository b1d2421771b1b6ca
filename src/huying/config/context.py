"""What every page knows about the site."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "demo": settings.DEMO,
        "public_url": settings.PUBLIC_URL,
        "stream_url": settings.STREAM_URL,
        "large_type": request.COOKIES.get("large_type") == "1",
    }
