"""`huying up` starts at once where everything was put in place by this release."""

from pathlib import Path
from typing import Any

import pytest

from huying.config import release
from tests.integration.config.commands import Machine, fresh_database

pytestmark = pytest.mark.slow


def test_what_was_put_in_place_is_remembered_until_something_changes(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR, settings.COUNTY_SCHEMA = tmp_path, "release"
    with fresh_database("huying_release_test") as url:
        machine = Machine(url, tmp_path, "release")
        assert not release.is_prepared(url)
        done = machine.run("migrate")
        assert done.returncode == 0, done.stderr
        assert release.is_prepared(url)
        # Another county of the same server is not prepared by that.
        settings.COUNTY_SCHEMA = "another"
        assert not release.is_prepared(url)
        settings.COUNTY_SCHEMA = "release"
        # The county's own procedures are looked at again when one changes.
        procedure = tmp_path / "procedures" / "own.yaml"
        procedure.parent.mkdir()
        procedure.write_text("procedure: own")
        assert not release.is_prepared(url)
        procedure.unlink()
        assert release.is_prepared(url)
        monkeypatch.setattr(release, "_OTHERS", ("psycopg",))
        assert not release.is_prepared(url), "other tables than those that are there"
