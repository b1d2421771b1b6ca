"""The disk of the data directory is full for a while: the database's log, its tables, photographs.

The county lies on a small file system of its own (a tmpfs, for which root is needed). A file
fills it to the last byte; after a while the file goes, and nobody restarts anything.
"""

import io
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
from PIL import Image

from tests.faults.county_under_load import Load, Site, Template, go_on, loading, running
from tests.faults.reckoning import Outcome, Skipped, reckon

SIZE: Final = "700m"
FULL_SECONDS: Final = 20.0


def run(template: Template, *, seconds: float = FULL_SECONDS) -> Outcome:
    began, outcome = time.monotonic(), Outcome("full_disk")
    with (
        _small_disk() as disk,
        template.copied(to=disk) as county,
        running(county, template.token) as site,
    ):
        with loading(site) as load:
            ballast = _fill(disk)
            full_at, before = time.monotonic(), load.counts
            with_photo = _hand_in_photos(site, load, until=full_at + seconds)
            confirmed = {kind: load.counts[kind] - before[kind] for kind in before}
            ballast.unlink()
            freed_at = time.monotonic()
            go_on(load)
            outcome.remarks.append(
                f"full for {freed_at - full_at:.0f} s; confirmed meanwhile {confirmed}; "
                f"photographs answered with {with_photo}; "
                f"going on {time.monotonic() - freed_at:.1f} s after"
            )
            if not {int(status) for status in with_photo} <= {201, 429, 503}:
                outcome.wrong.append(f"a photograph was answered with {with_photo}")
            if _photo(site, load) != 201:
                outcome.wrong.append("a photograph is not taken after the disk has room again")
        return reckon(county, load, outcome, began)


@contextmanager
def _small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hy-"))
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "huying-faults", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode:
        folder.rmdir()
        raise Skipped("no small file system can be mounted here: needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
        folder.rmdir()


def _fill(disk: Path) -> Path:
    """Write until nothing more fits."""
    path = disk / "ballast"
    with path.open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(os.urandom(size))
            except OSError:
                continue
    return path


def _hand_in_photos(site: Site, load: Load, *, until: float) -> dict[str, int]:
    """How the site answers photographs while there is no room: {status: how often}."""
    found: dict[str, int] = {}
    while time.monotonic() < until:
        status = str(_photo(site, load))
        found[status] = found.get(status, 0) + 1
        time.sleep(0.5)
    found.pop("0", None)
    return found


def _photo(site: Site, load: Load) -> int:
    """The status of adding a photograph to a confirmed report; 0 where no answer came."""
    receipt, _ = next(reversed(load.reports.values()))
    picture = io.BytesIO()
    Image.effect_noise((1200, 900), 60).save(picture, "JPEG", quality=90)
    try:
        return httpx.post(
            f"{site.url}/api/v1/reports/{receipt}/photos",
            files={"photo": ("现场.jpg", picture.getvalue(), "image/jpeg")},
            timeout=15,
            trust_env=False,
        ).status_code
    except httpx.HTTPError:
        return 0
