"""The live stream, as an ASGI application of its own."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
# What is imported stays: the collector would look through it again and again.
gc.disable()
django.setup()

from django.conf import settings  # noqa: E402 - Django must be set up first

from huying.config import orphans  # noqa: E402 - the same
from huying.notices.stream import application  # noqa: E402 - the same
from huying.telemetry import serving  # noqa: E402 - the same

orphans.end_with_server()
serving.start(county=settings.COUNTY)
gc.freeze()
gc.enable()

__all__ = ["application"]
