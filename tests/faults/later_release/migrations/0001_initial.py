"""As it is."""

import importlib

Migration = importlib.import_module("huying.notices.migrations.0001_initial").Migration
