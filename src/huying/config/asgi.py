"""The live stream, as an ASGI application of its own."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
django.setup()

from huying.notices.stream import application  # noqa: E402 - Django must be set up first

__all__ = ["application"]
