"""Which procedures there are: those of this program, and the county's own beside or over them.

A county's file lies in `<data dir>/procedures/`. One of the same name replaces ours; another
name is another kind of matter. Old versions are read back from the table, so that a case
goes on under the version it began with; files are checked, what was once in force is not.
"""

import threading
from pathlib import Path
from typing import Final

from django.conf import settings

from huying.cases.models import ProcedureVersion
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.procedure_files import load, parse
from huying.directory.permissions import DomainError

REPORTS: Final = "residents_report"
"""The procedure of what residents say: opened by a report, never by hand."""
BUILT_IN: Final = Path(__file__).resolve().parents[1] / "procedures"


class ProcedureUnknown(DomainError):
    """There is no such procedure, or not in this version."""

    code = "PROCEDURE_UNKNOWN"
    status = 404


_lock = threading.Lock()
_files: dict[str, Procedure] | None = None
_old: dict[tuple[str, int], Procedure] = {}


def county_folder() -> Path:
    """Where the county's own procedure files lie."""
    return Path(settings.DATA_DIR) / "procedures"


def current() -> dict[str, Procedure]:
    """The procedures new cases begin under, by name. `ProcedureInvalid` for a wrong file."""
    global _files  # noqa: PLW0603 - read once per process
    if _files is None:
        with _lock:
            if _files is None:
                found = {}
                for folder in (BUILT_IN, county_folder()):
                    for path in sorted(folder.glob("*.yaml")):
                        one = load(path)
                        found[one.procedure] = one
                _files = found
    return _files


def procedures() -> list[Procedure]:
    """The same as a list, in the order of their names."""
    return [current()[name] for name in sorted(current())]


def procedure(name: str, version: int | None = None) -> Procedure:
    """A procedure as it is today, or in the version a case began under."""
    found = current().get(name)
    if found is not None and version in (None, found.version):
        return found
    if version is not None:
        kept = _old.get((name, version)) or _read_back(name, version)
        if kept is not None:
            return kept
    raise ProcedureUnknown(
        f"没有名为“{name}”的办理流程" + (f"（第 {version} 版）。" if version else "。"),
        f"There is no procedure {name}" + (f" in version {version}." if version else "."),
    )


def _read_back(name: str, version: int) -> Procedure | None:
    row = ProcedureVersion.objects.filter(name=name, version=version).first()
    if row is None:
        return None
    _old[name, version] = parse(row.source, f"{name} v{version}")
    return _old[name, version]


def forget_procedures() -> None:
    """Read the files again when next asked."""
    global _files  # noqa: PLW0603 - see current
    with _lock:
        _files = None
        _old.clear()
