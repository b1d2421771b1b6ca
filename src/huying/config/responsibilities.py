"""The county's table of responsibilities (责任清单), read from the CSV its office keeps."""

from pathlib import Path

from huying.cases import actions
from huying.directory.permissions import Actor


def load(path: Path, *, by: Actor) -> int:
    """Put the lines of the file in place; returns how many. Raises `TableRefused`."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")  # as WPS and Excel save it
    return actions.set_responsibilities(rules=actions.read_responsibilities(text), by=by)
