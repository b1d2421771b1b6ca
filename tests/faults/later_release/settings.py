"""The settings of the made-up later release."""

from huying.config.settings import *  # noqa: F403 - as this release but for what follows
from huying.config.settings import MIGRATION_MODULES as _PRESENT

MIGRATION_MODULES = {
    **_PRESENT,
    "notices": "tests.faults.later_release.migrations",  # type: ignore[dict-item]  # else all None
}
