"""Files are swapped whole or not at all."""

from pathlib import Path
from typing import Any

import pytest

from huying.config import backups


def test_a_swap_that_fails_half_way_leaves_the_present_files(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path / "data"
    unpacked, old = tmp_path / "unpacked", tmp_path / "old"
    for folder in (settings.DATA_DIR, unpacked, old):
        folder.mkdir()
    for name in backups.KEPT:
        (settings.DATA_DIR / name).mkdir()
        (settings.DATA_DIR / name / "file").write_text("present")
        (unpacked / name).mkdir()
        (unpacked / name / "file").write_text("backed up")
    rename, calls = Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == 2:
            raise OSError("no space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="no space"):
        backups._swap(unpacked, old)
    for name in backups.KEPT:
        assert (settings.DATA_DIR / name / "file").read_text() == "present"
        assert (unpacked / name / "file").read_text() == "backed up"
