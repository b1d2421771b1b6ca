"""The pages and the REST interface, as a WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
application = get_wsgi_application()
