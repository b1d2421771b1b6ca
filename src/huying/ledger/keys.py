"""The ledger's keys: an Ed25519 and an SM2 key, from the environment or a file of their own.

HUYING_LEDGER_ED25519 and HUYING_LEDGER_SM2 (base64 of 32 bytes) go before the files
ledger_ed25519 and ledger_sm2 in KEY_DIR, which are made on the first start. Who replaces them
ends this log: its checkpoints would no longer be signed by the key everyone has noted.
"""

import base64
import binascii
import os
from functools import cache
from pathlib import Path

from django.conf import settings

from huying.ledger.rules.notes import NoteKey
from huying.standards.crypto import SignatureCode, Signer, generate_private_key, signer


def key_file(path: Path, code: SignatureCode) -> Signer:
    """The signer whose private key is in `path` (base64); a missing file is made.

    Two processes that start at once agree on one key: the loser reads the winner's.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_bytes(base64.b64encode(generate_private_key(code)) + b"\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its key is the key
        finally:
            draft.unlink()
    return _signer(code, path.read_text(encoding="ascii"), str(path))


def _signer(code: SignatureCode, text: str, where: str) -> Signer:
    try:
        return signer(code, base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{where}: 不是有效的 {code} 私钥 / not a {code} private key") from error


@cache
def _log_signer(code: SignatureCode, directory: Path) -> Signer:
    name = f"LEDGER_{code}"
    given = os.environ.get(f"HUYING_{name}")
    return _signer(code, given, name) if given else key_file(directory / name.lower(), code)


def log_keys(origin: str) -> list[tuple[NoteKey, Signer]]:
    """The keys that sign checkpoints: Ed25519 under the name `origin`, SM2 under `origin`/sm2."""
    international = _log_signer("ED25519", settings.KEY_DIR)
    domestic = _log_signer("SM2", settings.KEY_DIR)
    return [
        (NoteKey(origin, "ED25519", international.public_key), international),
        (NoteKey(f"{origin}/sm2", "SM2", domestic.public_key), domestic),
    ]
