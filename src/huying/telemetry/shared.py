"""Where the processes of one kind add up what they count.

The web process has several workers behind one port, and so may ingest: whichever is asked must
answer for all. prometheus_client's multiprocess mode does that: each writes into files of its
own in a folder, mapped into memory, and a scrape reads them all. The folder lies on the machine:
on a shared disk, processes of the same number would write into one file.

Nothing here may import prometheus_client: it looks for the folder when it is imported.
"""

import os
import tempfile
from pathlib import Path
from typing import Final

import psutil

PORT: Final = "HUYING_METRICS_PORT"
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def environment(port: int) -> dict[str, str]:
    """What the processes of one kind share: their port, and the folder that belongs to it."""
    folder = Path(tempfile.gettempdir(), f"huying-metrics-{os.getuid()}-{port}")
    return {PORT: str(port), FOLDER: str(folder)}


def begin(variables: dict[str, str]) -> None:
    """Make the folder named in these variables, and clear it of those that run no more."""
    if FOLDER not in variables:
        return
    folder = Path(variables[FOLDER])
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    for file in folder.glob("*.db"):
        number = file.stem.rpartition("_")[2]
        if not number.isdigit() or not psutil.pid_exists(int(number)):
            file.unlink(missing_ok=True)


def begin_here() -> None:
    """The same for this process and its children, where a port for metrics is set."""
    port = int(os.environ.get(PORT) or 0)
    if port:
        os.environ.update(environment(port))
        begin(environment(port))
