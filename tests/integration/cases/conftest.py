"""Every test of this room begins with nothing kept from the one before, and a folder of its own."""

from pathlib import Path
from typing import Any

import pytest

from huying.cases import queries


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, settings: Any) -> None:
    queries.forget_caches()
    settings.MEDIA_ROOT = tmp_path / "attachments"
