"""Where procrastinate finds the jobs of every room."""

import importlib
import importlib.util

from django.apps import apps
from procrastinate import App


def on_app_ready(app: App) -> None:
    """Load each room's tasks module, so that a job deferred by name is known to the worker."""
    for config in apps.get_app_configs():
        name = f"{config.name}.tasks"
        if config.name.startswith("huying.") and importlib.util.find_spec(name):
            importlib.import_module(name)
