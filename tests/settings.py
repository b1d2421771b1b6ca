"""The project's settings on a database that tests may fill and drop.

That is HUYING_TEST_DATABASE_URL where set, else an embedded server whose data may be lost
(var/test/postgres). Each xdist worker has a database of its own.
"""

import os
from pathlib import Path

from huying.config import embedded

_TEST_DIR = Path(__file__).resolve().parents[1] / "var" / "test"
os.environ["HUYING_DATA_DIR"] = str(_TEST_DIR)
# Each test has a ledger of its own under the same keys.
os.environ["HUYING_LEDGER_MARK"] = ""
os.environ["HUYING_DATABASE_URL"] = os.environ.get("HUYING_TEST_DATABASE_URL") or embedded.start(
    _TEST_DIR / "postgres", throw_away=True
)

from huying.config.settings import *  # noqa: E402, F403 - the environment must be set first

# Hashing a password slowly is right in life and a waste in a test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# WhiteNoise warns of a missing folder, and warnings are errors.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405 - from the settings above

# Several runs at once on one server want a name each.
DATABASES["default"]["TEST"] = {  # noqa: F405 - from the settings above
    "NAME": os.environ.get("HUYING_TEST_DATABASE_NAME", "test_huying")
}

# Written at once, so that pytest shows a line with the test that caused it.
LOGGING = {
    **LOGGING,  # noqa: F405 - from the settings above
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
}
