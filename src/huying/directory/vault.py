"""The vault: values encrypted at rest, found through blind indexes, masked by default.

A sealed value is ``key number (2 bytes, big-endian) || algorithm (1 byte) || nonce ||
ciphertext || tag``. The column it belongs to is authenticated with it, so that a ciphertext
moved to another column does not open. Keys are files of KEY_DIR (`vault_1.key`, `vault_2.key`,
…; the highest number seals, all of them open) or the variable HUYING_VAULT_KEYS
(``1:<64 hex digits>,2:<64 hex digits>``). A process finds a new file by itself: when it meets a
value sealed with it, and within seconds for what it seals. Where processes get their keys one
after the other, HUYING_VAULT_SEALS_WITH names the key that seals until all have the next.
`actions.rotate_keys` re-seals what is there. VAULT_CIPHER chooses AES256GCM or its domestic twin
SM4GCM for new values; old ones open with what sealed them.

A blind index is ``generation (2 bytes, big-endian) || 32 bytes``. Its keys are `vault_index.key`,
`vault_index_2.key`, … or HUYING_VAULT_INDEX_KEY (64 hex digits, or ``1:<…>,2:<…>``). An index of
generation n is the index of generation n − 1 taken under the n-th key: so it can be raised
without the value, which of an erased ID number is nowhere kept, and all the keys are needed for
good. Which generation is written, the database says (`actions.rotate_index_key`).
"""

import os
import re
import secrets
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models

from huying.standards import crypto

KEY_SIZE = 32
_CIPHER_NUMBERS = {"AES256GCM": 1, "SM4GCM": 2}
_CIPHER_NAMES = {number: code for code, number in _CIPHER_NUMBERS.items()}
_KEY_FILE = re.compile(r"^vault_(\d+)\.key$")
_INDEX_KEY_FILE = re.compile(r"^vault_index(?:_(\d+))?\.key$")


class VaultError(ValueError):
    """A sealed value does not open: another key, another column, or it was changed."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one directory; `active` seals, all of them open. `index_keys` are in order."""

    masters: dict[int, bytes]
    index_keys: tuple[bytes, ...]
    active: int

    def __repr__(self) -> str:
        return f"<KeyRing {sorted(self.masters)}>"


def _file_key(path: Path) -> bytes:
    """The key in a file, made on first use; readable by its owner only.

    Two processes that start at once agree on one key: the file is linked into place.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_bytes(KEY_SIZE).hex(), encoding="ascii")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return _key(path.read_text(encoding="ascii"), path.name)


def _key(text: str, name: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise VaultError(
            f"密钥 {name} 无效，应为 64 位十六进制数。 / "
            f"The key {name} is not valid: 64 hex digits are needed."
        )
    return key


def _load(directory: Path) -> KeyRing:
    masters = _keys_given("HUYING_VAULT_KEYS") or {
        number: _file_key(path) for number, path in _key_files(directory, _KEY_FILE).items()
    }
    if not masters:
        masters = {1: _file_key(directory / "vault_1.key")}
    index_keys = _keys_given("HUYING_VAULT_INDEX_KEY") or {
        number: _file_key(path) for number, path in _key_files(directory, _INDEX_KEY_FILE).items()
    }
    if not index_keys:
        index_keys = {1: _file_key(directory / "vault_index.key")}
    pinned = int(os.environ.get("HUYING_VAULT_SEALS_WITH", "0"))
    if pinned and pinned not in masters:
        raise VaultError(
            f"HUYING_VAULT_SEALS_WITH={pinned}，但没有这把密钥。 / There is no key {pinned}."
        )
    return KeyRing(masters, _in_order(index_keys), pinned or max(masters))


def _keys_given(variable: str) -> dict[int, bytes]:
    """The keys in an environment variable: `1:<hex>,2:<hex>`, or one alone without its number."""
    found = {}
    for entry in filter(None, os.environ.get(variable, "").split(",")):
        number, _colon, text = entry.rpartition(":")
        found[int(number or 1)] = _key(text, f"{variable}[{number or 1}]")
    return found


def _in_order(keys: Mapping[int, bytes]) -> tuple[bytes, ...]:
    missing = sorted(set(range(1, max(keys) + 1)) - set(keys))
    if missing:
        raise VaultError(
            f"缺第 {missing[0]} 把检索密钥：换过以后，旧的也要留着。 / "
            f"Index key {missing[0]} is missing: the old ones are needed as well."
        )
    return tuple(keys[number] for number in sorted(keys))


def _key_files(directory: Path, named: re.Pattern[str]) -> dict[int, Path]:
    if not directory.is_dir():
        return {}
    found = ((named.match(path.name), path) for path in directory.iterdir())
    return {int(match[1] or 1): path for match, path in found if match}


# The ring in use, the very object of settings.KEY_DIR it was read for, and until when it is not
# looked at again: comparing by identity and with a clock costs nothing, and seal and index run
# for every value of a register of 60,000.
_ring: tuple[object, KeyRing, float] | None = None
LOOK_AGAIN_SECONDS = 5.0


def key_ring() -> KeyRing:
    """The keys of this county; looked at again every few seconds, so that a new one is found."""
    global _ring  # noqa: PLW0603 - the one cache of this module, replaced whole
    folder = settings.KEY_DIR
    ring = _ring
    if ring is None or ring[0] is not folder or time.monotonic() > ring[2]:
        ring = _ring = (folder, _load(Path(folder)), time.monotonic() + LOOK_AGAIN_SECONDS)
    return ring[1]


def make_next_key() -> int:
    """A new key that seals from now on; its number. Only where the keys are files."""
    if os.environ.get("HUYING_VAULT_KEYS"):
        raise VaultError(
            "密钥在 HUYING_VAULT_KEYS 里：先在那里加上新密钥，重启各进程，再换封。 / "
            "The keys are in HUYING_VAULT_KEYS: add one there, restart, then --resume."
        )
    number = max(key_ring().masters) + 1
    _file_key(Path(settings.KEY_DIR) / f"vault_{number}.key")
    forget_keys()
    return number


def make_next_index_key() -> int:
    """A new key for the blind indexes; its number. Only where the keys are files."""
    if os.environ.get("HUYING_VAULT_INDEX_KEY"):
        raise VaultError(
            "检索密钥在 HUYING_VAULT_INDEX_KEY 里：先在那里加上新的，重启各进程，再换。 / "
            "The key is in HUYING_VAULT_INDEX_KEY: add one there, restart, then --resume."
        )
    number = len(key_ring().index_keys) + 1
    _file_key(Path(settings.KEY_DIR) / f"vault_index_{number}.key")
    forget_keys()
    return number


def key_number(token: bytes) -> int:
    """The number of the key that sealed this, or the generation of an index."""
    return int.from_bytes(bytes(token[:2]), "big")


def forget_keys() -> None:
    """Read the keys anew at the next use."""
    global _ring  # noqa: PLW0603 - see key_ring
    _ring = None
    _derived.cache_clear()


@lru_cache(maxsize=32)
def _derived(master: bytes, code: str) -> bytes:
    return crypto.derive_key(master, f"huying vault {code}", crypto.cipher(code).key_size)


def seal(value: str, context: str) -> bytes:
    """Encrypt `value` for the column `context` (for example "person.phone")."""
    ring = key_ring()
    code = getattr(settings, "VAULT_CIPHER", "AES256GCM")
    number = ring.active
    header = number.to_bytes(2, "big") + bytes([_CIPHER_NUMBERS[code]])
    key = _derived(ring.masters[number], code)
    return header + crypto.cipher(code).encrypt(key, value.encode(), header + context.encode())


def unseal(token: bytes, context: str) -> str:
    """The value `seal` encrypted for the same column; `VaultError` if anything differs."""
    token = bytes(token)
    code = _CIPHER_NAMES.get(token[2]) if len(token) > 3 else None
    number = key_number(token)
    master = key_ring().masters.get(number)
    if master is None:
        # Sealed a moment ago by a process that had the new key first.
        forget_keys()
        master = key_ring().masters.get(number)
    if code is None or master is None:
        raise VaultError(
            "找不到解密所需的密钥。 / The key that sealed this value is not in the key directory."
        )
    try:
        plain = crypto.cipher(code).decrypt(
            _derived(master, code), token[3:], token[:3] + context.encode()
        )
    except crypto.DecryptionFailed as failure:
        raise VaultError(str(failure)) from None
    return plain.decode()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value as it lies in the database. Printing it shows nothing; `open` decrypts."""

    token: bytes
    context: str

    def open(self) -> str:
        return unseal(self.token, self.context)

    def __str__(self) -> str:
        return "••••"

    def __repr__(self) -> str:
        return f"<Sealed {self.context}>"


if TYPE_CHECKING:
    _SealedColumn = models.BinaryField[Sealed | str | None, Sealed | None]
else:
    _SealedColumn = models.BinaryField


class SealedField(_SealedColumn):
    """An encrypted text column. Takes text, keeps ciphertext, gives back a `Sealed`."""

    def __init__(self, *args: Any, context: str, **kwargs: Any) -> None:
        self.context = context
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs["context"] = self.context
        return name, path, args, kwargs

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Sealed | None:
        return None if value is None else Sealed(bytes(value), self.context)

    def get_prep_value(self, value: Any) -> bytes | None:
        if value is None or value == "":
            return None
        if isinstance(value, Sealed):
            return value.token
        if isinstance(value, str):
            return seal(value, self.context)
        return bytes(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        token = value if prepared else self.get_prep_value(value)
        return None if token is None else connection.Database.Binary(token)


def normalised(field: str, value: str) -> str:
    """The form in which a value is looked up: width, case and separators do not matter."""
    text = unicodedata.normalize("NFKC", value).strip()
    if field == "phone":
        digits = "".join(filter(str.isdigit, text))
        return digits.removeprefix("86") if len(digits) == 13 else digits
    if field == "id_number":
        return "".join(text.split()).upper()
    return "".join(text.split())


def indexes(context: str, value: str) -> list[bytes]:
    """The blind index of a value in each generation there is a key for, the oldest first.

    `context` is the column: "person.name", "person.phone", "person.id_number",
    "household.number". Whoever looks asks for all of them; the last but the newest go when
    everything has been raised.
    """
    first, *later = key_ring().index_keys
    text = normalised(context.partition(".")[2], value)
    found = [_generation(1, crypto.blind_index(first, context, text))]
    for number, key in enumerate(later, 2):
        found.append(_raised(key, context, found[-1], number))
    return found


def index(context: str, value: str, generation: int) -> bytes:
    """The blind index of a value in one generation, 34 bytes."""
    return indexes(context, value)[generation - 1]


def raised_index(context: str, token: bytes, generation: int) -> bytes:
    """An index as it is in a later generation; the value behind it is not needed."""
    keys = key_ring().index_keys
    raised = bytes(token)
    for number in range(key_number(raised) + 1, generation + 1):
        raised = _raised(keys[number - 1], context, raised, number)
    return raised


def _raised(key: bytes, context: str, token: bytes, number: int) -> bytes:
    return _generation(number, crypto.blind_index(key, context, token[2:].hex()))


def _generation(number: int, digest: bytes) -> bytes:
    return number.to_bytes(2, "big") + digest


def keyed_digest(purpose: str, value: str) -> str:
    """16 hex digits that tell values apart without keeping them (network addresses)."""
    return crypto.blind_index(key_ring().index_keys[-1], purpose, value).hex()[:16]
