"""Playing recorded messages of residents as reports, through the public interface.

Reads a table in CSV, plain or gzipped, in UTF-8 or GB 18030, with a heading line; the columns
are found by their names, in Chinese or English. Each row becomes one report under an
idempotency key made of what it says, so that playing a file twice reports nothing twice.
"""

import csv
import datetime as dt
import gzip
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from huying.directory.permissions import DomainError
from huying.standards.deadlines import SHANGHAI

_TEXT = ("留言详情", "诉求内容", "内容", "详情", "text", "message", "content", "description")
_TITLE = ("留言主题", "标题", "主题", "title", "subject")
_AT = ("留言时间", "时间", "提交时间", "time", "at", "date", "created_at")
_PLACE = ("地点", "事发地", "地址", "place", "address", "location")
_TIMES = ("%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d")
_GZIP = b"\x1f\x8b"
_MOST_WAITING_SECONDS = 90
_LARGEST_FIELD = 10_000_000


class NotATable(DomainError):
    """The file is not a table of messages."""

    code = "NOT_A_TABLE"
    status = 422


@dataclass(frozen=True, slots=True)
class Message:
    """One row: what was said, and when and where if the table says so."""

    text: str
    place: str = ""
    at: dt.datetime | None = None

    @property
    def key(self) -> str:
        """The idempotency key: the same words at the same time are the same message."""
        said = f"{self.at.isoformat() if self.at else ''}\x00{self.text}"
        return "message-" + hashlib.sha256(said.encode()).hexdigest()[:48]


@dataclass(slots=True)
class Replay:
    """What became of the messages. `reasons` counts the codes of what was refused."""

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)
    receipts: list[str] = field(default_factory=list, repr=False)

    def as_dict(self) -> dict[str, Any]:
        return {
            "read": self.read,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "refused": self.refused,
            "seconds": round(self.seconds, 1),
            "reasons": self.reasons,
        }


def messages(file: Path) -> Iterator[Message]:
    """The messages of a table, in its order. Raises `NotATable`."""
    rows = csv.reader(_text_of(file).splitlines(keepends=True))
    csv.field_size_limit(_LARGEST_FIELD)
    heading = [name.strip().strip("\ufeff").lower() for name in next(rows, [])]
    text, title = _column(heading, _TEXT), _column(heading, _TITLE)
    if text is None:
        raise NotATable(
            f"{file.name} 里没有内容列。第一行应为列名，内容列叫“留言详情”“内容”或 text。",
            f"{file.name} has no column of messages: the first line names the columns, "
            'one of them "text" or "留言详情".',
        )
    at, place = _column(heading, _AT), _column(heading, _PLACE)
    for row in rows:
        said = _cell(row, text)
        subject = _cell(row, title)
        if subject and not said.startswith(subject):
            said = f"{subject}\n{said}".strip()
        if said:
            yield Message(said, _cell(row, place), _time(_cell(row, at)))


def replay(
    file: Path,
    *,
    url: str,
    limit: int = 300,
    token: str = "",
    client: httpx.Client | None = None,
) -> dict[str, Any]:
    """Send up to `limit` messages (0 = all) to the site at `url`; the counts as a mapping.

    With a `token` of scope reports:write the rate limit of anonymous senders does not apply;
    without one this waits as often as it is told to. Raises `NotATable`, `httpx.HTTPError`.
    """
    return play(file, url=url, limit=limit, token=token, client=client).as_dict()


def play(
    file: Path, *, url: str, limit: int, token: str = "", client: httpx.Client | None = None
) -> Replay:
    """`replay`, with the receipts."""
    result = Replay()
    began = time.monotonic()
    own = client is None
    sender = client or httpx.Client(timeout=30, trust_env=False)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        for message in messages(file):
            if limit and result.read >= limit:
                break
            result.read += 1
            _count(result, _sent(sender, url, message, headers))
    finally:
        if own:
            sender.close()
    result.seconds = time.monotonic() - began
    return result


def _sent(
    client: httpx.Client, url: str, message: Message, headers: dict[str, str]
) -> httpx.Response:
    body: dict[str, Any] = {"text": message.text, "channel": "API"}
    if message.place:
        body["place_text"] = message.place
    if message.at:
        body["discovered_at"] = message.at.isoformat()
    waited = 0.0
    while True:
        answer = client.post(
            f"{url.rstrip('/')}/api/v1/reports",
            json=body,
            headers={**headers, "Idempotency-Key": message.key},
        )
        if answer.status_code != 429 or waited >= _MOST_WAITING_SECONDS:
            return answer
        pause = min(float(answer.headers.get("Retry-After", "5") or 5), 60.0)
        time.sleep(pause)
        waited += pause


def _count(result: Replay, answer: httpx.Response) -> None:
    if answer.status_code == 201:
        result.accepted += 1
        result.receipts.append(answer.json()["receipt"])
    elif answer.status_code == 200:
        result.duplicates += 1
    else:
        result.refused += 1
        try:
            code = str(answer.json().get("code") or answer.status_code)
        except ValueError:
            code = str(answer.status_code)
        result.reasons[code] = result.reasons.get(code, 0) + 1


def _text_of(file: Path) -> str:
    raw = file.read_bytes()
    if raw.startswith(_GZIP):
        raw = gzip.decompress(raw)
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotATable(
        f"{file.name} 的编码不是 UTF-8，也不是 GB 18030。请另存为 UTF-8 的 CSV。",
        f"{file.name} is neither UTF-8 nor GB 18030; save it as CSV in UTF-8.",
    )


def _column(heading: list[str], names: tuple[str, ...]) -> int | None:
    for name in names:
        if name in heading:
            return heading.index(name)
    return None


def _cell(row: list[str], column: int | None) -> str:
    """One cell without the white space and control characters that forms leave behind."""
    if column is None or column >= len(row):
        return ""
    lines = (line.strip(" \t\r\u3000\xa0") for line in row[column].replace("\x00", "").split("\n"))
    return "\n".join(line for line in lines if line)


def _time(text: str) -> dt.datetime | None:
    for form in _TIMES:
        try:
            return dt.datetime.strptime(text, form).replace(tzinfo=SHANGHAI)
        except ValueError:
            continue
    return None
