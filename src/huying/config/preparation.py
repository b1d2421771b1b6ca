"""What a command does before its one call: the database within reach, Django usable."""

import gc
import os
from pathlib import Path

from huying.config.secrets import given


def reach() -> str:
    """Make the database reachable for this process and its children, and settings readable; its
    URL."""
    from huying.config import open_files

    open_files.raise_limit()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
    if not given("database_url"):
        from huying.config import embedded

        os.environ["HUYING_DATABASE_URL"] = embedded.start_all(data_dir())
    return given("database_url")


def setup() -> None:
    """Make the database reachable and Django usable, in this process and its children."""
    reach()
    import django

    # What is imported stays: the collector would look through it again and again.
    gc.disable()
    django.setup()
    gc.enable()


def data_dir() -> Path:
    return Path(os.environ.get("HUYING_DATA_DIR", Path(__file__).resolve().parents[3] / "var"))


def is_embedded() -> bool:
    """Whether the database is the embedded server of this data directory. After `setup`."""
    from django.conf import settings

    from huying.config import embedded

    host = str(settings.DATABASES["default"]["HOST"])
    own = embedded.url_if_running(settings.POSTGRES_DIR)
    return own is not None and own.rpartition("host=")[2] in host.split(",")
