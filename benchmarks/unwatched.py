"""The reference of `watching`: the same application without traces, counts, times and trail."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "huying.config.settings"
os.environ["HUYING_TRAIL"] = "0"

from django.conf import settings
from django.db.backends.postgresql import base

from huying.config.postgres.base import DatabaseWrapper

settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "WatchMiddleware" not in one]
DatabaseWrapper.__init__ = base.DatabaseWrapper.__init__  # type: ignore[method-assign]  # the point
del DatabaseWrapper._commit

from huying.config.wsgi import application  # noqa: E402 - after the above

__all__ = ["application"]
