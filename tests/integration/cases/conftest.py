"""Every test of this room begins with nothing kept from the one before, and a folder of its own."""

from pathlib import Path

import pytest
from pytest_django.fixtures import SettingsWrapper

from huying.cases import queries


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, settings: SettingsWrapper) -> None:
    queries.forget_caches()
    settings.MEDIA_ROOT = tmp_path / "attachments"
