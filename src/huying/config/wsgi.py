"""The pages and the REST interface, as a WSGI application."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
# What is imported stays: the collector would look through it again and again.
gc.disable()
application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - the same
from django.urls import get_resolver  # noqa: E402 - Django must be set up first

from huying.cases import queries as cases  # noqa: E402 - the same
from huying.config import orphans  # noqa: E402 - the same
from huying.telemetry import serving  # noqa: E402 - the same

orphans.end_with_server()
# A worker takes its first request when this module is loaded: what the first visitor of each
# worker would wait seconds for is read before.
_ = get_resolver().url_patterns
cases.make_ready()
serving.start(county=settings.COUNTY)
gc.freeze()
gc.enable()
