"""Secrets come from the environment or from a file of their own, never from code."""

import os
import secrets
from pathlib import Path


def secret(name: str, directory: Path, *, size: int = 48) -> str:
    """The secret called `name`: HUYING_<NAME> if set, else the file directory/<name>.

    A missing file is created with `size` random bytes (URL-safe text), readable by its owner
    only, so that a first start needs no ceremony. Processes that start at once agree on
    one value: the file is linked into place, and the losers read the winner's.
    """
    from_environment = os.environ.get(f"HUYING_{name.upper()}")
    if from_environment:
        return from_environment
    path = directory / name
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = directory / f".{name}.{secrets.token_hex(8)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(size), encoding="ascii")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()


def given(name: str) -> str:
    """What the operator gave as HUYING_<NAME>, or in the file that HUYING_<NAME>_FILE names.

    The file is for what holds a password: an environment shows up in listings of processes and
    containers, a mounted file does not. Empty where neither is set.
    """
    variable = f"HUYING_{name.upper()}"
    value = os.environ.get(variable)
    file = os.environ.get(f"{variable}_FILE")
    if value or not file:
        return value or ""
    return Path(file).read_text(encoding="utf-8").strip()
