"""Signed notes, checkpoints and cosignatures: C2SP signed-note, tlog-checkpoint, tlog-cosignature.

A note is text, an empty line, and signature lines "— <key name> <base64(key id, signature)>".
The key id is SHA-256(key name, newline, type, public key)[:4]. Types written here:

01  Ed25519 over the text: the log's own signature
04  cosignature/v1: an outside witness, Ed25519 over a time and the text
ff "sm2-sm3 GB/T 32918.2-2016"
    SM2 with SM3 over the text: signature r s (64 bytes), user identity 1234567812345678,
    public key x y (64 bytes)

The standard assigns no byte to SM2; ff followed by a longer identifier is what it reserves for
such types. Clients that do not know it ignore the line, as they must.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from huying.ledger.rules.errors import MalformedNote
from huying.standards.crypto import Signer, verifier

KeyKind = Literal["ED25519", "COSIGNATURE", "SM2"]
_TYPES: Final[dict[KeyKind, bytes]] = {
    "ED25519": b"\x01",
    "COSIGNATURE": b"\x04",
    "SM2": b"\xffsm2-sm3 GB/T 32918.2-2016",
}
_PUBLIC_KEY_SIZES: Final[dict[KeyKind, int]] = {"ED25519": 32, "COSIGNATURE": 32, "SM2": 64}
_ID_SIZE: Final = 4
_LARGEST_NOTE: Final = 64 * 1024
_SIGNATURE_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key under its name."""

    name: str
    kind: KeyKind
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        material = self.name.encode() + b"\n" + _TYPES[self.kind] + self.public_key
        return sha256(material).digest()[:_ID_SIZE]

    @property
    def line(self) -> str:
        """The verifier key in one line: name+id+base64(type, public key)."""
        material = base64.b64encode(_TYPES[self.kind] + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"


def parse_key(line: str) -> NoteKey:
    """A verifier key from its line; MalformedNote where name, id and key do not fit together."""
    parts = line.strip().split("+", 2)
    if len(parts) == 3:
        try:
            material = base64.b64decode(parts[2], validate=True)
        except binascii.Error:
            material = b""
        for kind, prefix in _TYPES.items():
            public_key = material.removeprefix(prefix)
            if material.startswith(prefix) and len(public_key) == _PUBLIC_KEY_SIZES[kind]:
                key = NoteKey(parts[0], kind, public_key)
                if key.key_id.hex() == parts[1]:
                    return key
    raise MalformedNote(
        "不是有效的公钥行（名称+编号+Base64）。", "Not a verifier key (name+id+base64)."
    )


@dataclass(frozen=True, slots=True)
class NoteSignature:
    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """`text` ends in a newline."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(one.line for one in self.signatures)}"

    def by(self, key: NoteKey) -> NoteSignature | None:
        """The signature line this key claims to have made."""
        for one in self.signatures:
            if one.name == key.name and one.key_id == key.key_id:
                return one
        return None

    def signed_by(self, key: NoteKey) -> bool:
        """Whether this key signed the text, and rightly."""
        found = self.by(key)
        if found is None:
            return False
        if key.kind == "COSIGNATURE":
            when, signature = found.signature[:8], found.signature[8:]
            message = _cosigned(int.from_bytes(when, "big"), self.text)
            return len(when) == 8 and verifier("ED25519", key.public_key).verify(message, signature)
        return verifier(key.kind, key.public_key).verify(self.text.encode(), found.signature)

    def with_signature(self, signature: NoteSignature) -> "Note":
        """The note with this line, which takes the place of an older one by the same key."""
        others = [
            one
            for one in self.signatures
            if (one.name, one.key_id) != (signature.name, signature.key_id)
        ]
        return Note(self.text, (*others, signature))


def parse_note(text: str) -> Note:
    """Text and signatures of a note; MalformedNote with the reason where it is none."""
    if len(text) > _LARGEST_NOTE or any(c < " " and c != "\n" for c in text):
        raise MalformedNote("签名文本过大或含控制字符。", "Too large, or with control characters.")
    body, blank, tail = text.rpartition("\n\n")
    lines = tail.removesuffix("\n").split("\n")
    if not (blank and tail.endswith("\n")):
        raise MalformedNote("签名文本缺少签名行。", "The note has no signature lines.")
    signatures: list[NoteSignature] = []
    for line in lines:
        found = _SIGNATURE_LINE.fullmatch(line)
        try:
            data = base64.b64decode(found[2], validate=True) if found else b""
        except binascii.Error:
            data = b""
        if found is None or len(data) <= _ID_SIZE:
            raise MalformedNote(f"签名行无效：{line}", f"Not a signature line: {line}")
        signatures.append(NoteSignature(found[1], data[:_ID_SIZE], data[_ID_SIZE:]))
    return Note(body + "\n", tuple(signatures))


def sign(text: str, keys: Sequence[tuple[NoteKey, Signer]]) -> Note:
    """`text` (ending in a newline) signed by each of the keys."""
    message = text.encode()
    return Note(
        text, tuple(NoteSignature(key.name, key.key_id, one.sign(message)) for key, one in keys)
    )


def _cosigned(timestamp: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def cosign(note: Note, key: NoteKey, signer: Signer, timestamp: int) -> NoteSignature:
    """A witness's line: as of `timestamp` (POSIX seconds) this is the largest tree it has seen."""
    signature = signer.sign(_cosigned(timestamp, note.text))
    return NoteSignature(key.name, key.key_id, timestamp.to_bytes(8, "big") + signature)


@dataclass(frozen=True, slots=True)
class CheckpointBody:
    """What a checkpoint says: this log, this many entries, this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


def parse_checkpoint(text: str) -> CheckpointBody:
    """The body of a checkpoint from a note's text; MalformedNote with the reason."""
    lines = text.split("\n")
    try:
        root = base64.b64decode(lines[2], validate=True) if len(lines) > 3 else b""
    except binascii.Error:
        root = b""
    if not (lines[0] and len(root) == 32 and _SIZE.fullmatch(lines[1])):
        raise MalformedNote(
            "检查点应为三行：账本名、条数、根哈希。",
            "A checkpoint has three lines: origin, size, root hash.",
        )
    return CheckpointBody(lines[0], int(lines[1]), root)
