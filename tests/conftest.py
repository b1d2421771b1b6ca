"""What every test may use: tools that may be missing, the real data set. See also settings.py."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from huying.cases import queries as cases
from huying.directory import queries as directory
from huying.directory import throttle
from huying.notices.actions import announce
from huying.sensing import actions as sensing

# How fast a machine is that others use is no property of ours.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.load_profile("here")

ROOT = Path(__file__).resolve().parents[1]
_TOOLS = {
    "chromium": ["chromium", "chromium-browser", "google-chrome"],
    "mosquitto": ["mosquitto", "/usr/sbin/mosquitto"],
    "cjk-fonts": ["fc-list"],
    "node": ["node"],
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            if not any(shutil.which(name) for name in _TOOLS[tool]):
                pytest.skip(f"needs {tool}, which is not installed")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser of the machine; tests that use it carry needs('chromium')."""
    found = next(filter(None, map(shutil.which, _TOOLS["chromium"])), None)
    assert found, "mark the test with pytest.mark.needs('chromium')"
    return found


@pytest.fixture(scope="session")
def mosquitto_path() -> str:
    """The MQTT broker of the machine; tests that use it carry needs('mosquitto')."""
    found = next(filter(None, map(shutil.which, _TOOLS["mosquitto"])), None)
    assert found, "mark the test with pytest.mark.needs('mosquitto')"
    return found


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data set, outside the repository; the test is skipped without it."""
    folder = Path(os.environ.get("HUYING_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("needs the real data set (HUYING_SHARED_DATA)")
    return folder


@pytest.fixture(autouse=True)
def _nothing_kept_in_the_process() -> None:
    """A test's data is rolled back, so what the process kept of it is false in the next."""
    directory.forget_caches()
    cases.forget_caches()
    sensing.forget_everything()
    throttle.forget()


@pytest.fixture(autouse=True, scope="session")
def _no_connection_outlives_the_database(django_db_setup: None) -> Iterator[None]:
    yield
    announce.close()
