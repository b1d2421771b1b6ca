"""The people of the story: signed in as they would be, acting over HTTP."""

import io
import json
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from PIL import Image, ImageDraw

from huying.simulation.demo.telling import NotClosed

_TIMEOUT = 20.0


class Refused(RuntimeError):
    """The site answered with a problem."""


def checked(answer: httpx.Response, *expected: int) -> httpx.Response:
    """The answer, if it is as expected; else `Refused` with what the site said."""
    if answer.status_code in (expected or (200,)):
        return answer
    raise Refused(
        f"{answer.request.method} {answer.request.url.path}: {answer.status_code} "
        f"{answer.text[:200]}"
    )


@dataclass(slots=True)
class Resident:
    """Somebody with a telephone and no account."""

    site: str
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.site, timeout=_TIMEOUT, trust_env=False)

    def report(self, body: dict[str, Any], key: str) -> tuple[dict[str, Any], bool]:
        """Hand in a report; (the answer, whether it is a new one)."""
        answer = checked(
            self.client.post("/api/v1/reports", json=body, headers={"Idempotency-Key": key}),
            200,
            201,
        )
        return answer.json(), answer.status_code == 201

    def add_photo(self, receipt: str, photo: bytes) -> None:
        files = {"photo": ("现场.jpg", photo, "image/jpeg")}
        checked(self.client.post(f"/api/v1/reports/{receipt}/photos", files=files), 200, 201)

    def progress(self, receipt: str) -> dict[str, Any]:
        found: dict[str, Any] = checked(self.client.get(f"/api/v1/reports/{receipt}")).json()
        return found

    def rate(self, receipt: str, rating: str, comment: str) -> dict[str, Any]:
        body = {"rating": rating, "comment": comment}
        answer = self.client.post(f"/api/v1/reports/{receipt}/rating", json=body)
        found: dict[str, Any] = checked(answer).json()
        return found

    def join(self, report_id: int, text: str) -> dict[str, Any]:
        answer = self.client.post(
            f"/api/v1/public-reports/{report_id}/join",
            json={"text": text},
            headers={"Idempotency-Key": f"join-{report_id}-{time.time_ns()}"},
        )
        found: dict[str, Any] = checked(answer, 200, 201).json()
        return found


@dataclass(slots=True)
class Staff:
    """A member of staff, signed in with one click as visitors of the demonstration are."""

    site: str
    role: str
    name: str = ""
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.site, timeout=_TIMEOUT, trust_env=False)
        page = checked(self.client.get("/sign-in/"))
        token = self.client.cookies.get("csrftoken")
        if not token:
            raise Refused("/sign-in/: no CSRF cookie")
        answer = self.client.post(
            f"/sign-in/demo/{self.role.lower()}/",
            data={"csrfmiddlewaretoken": token},
            headers={"Referer": str(page.url)},
        )
        checked(answer, 302)

    def grids(self) -> list[str]:
        """The codes of the grids this person answers for."""
        found: list[str] = checked(self.client.get("/api/v1/me")).json()["grids"]
        return found

    def cases(self, **filters: str | int | bool) -> list[dict[str, Any]]:
        answer = checked(self.client.get("/api/v1/cases", params=filters))
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows

    def case(self, case_id: int) -> dict[str, Any]:
        found: dict[str, Any] = checked(self.client.get(f"/api/v1/cases/{case_id}")).json()
        return found

    def act(
        self,
        case_id: int,
        action: str,
        *,
        photo: bytes | None = None,
        report_id: int | None = None,
        **data: Any,
    ) -> tuple[dict[str, Any], float]:
        """Take a step; (the answer, milliseconds). `report_id` where it concerns one report."""
        headers = {"X-CSRFToken": self.client.cookies.get("csrftoken") or ""}
        began = time.perf_counter()
        if photo is None:
            body: dict[str, Any] = {"action": action, "data": data}
            if report_id is not None:
                body["report_id"] = report_id
            answer = self.client.post(f"/api/v1/cases/{case_id}/acts", json=body, headers=headers)
        else:
            answer = self.client.post(
                f"/api/v1/cases/{case_id}/acts-with-photos",
                data={"action": action, "data": json.dumps(data, ensure_ascii=False)},
                files=[("photos", ("现场.jpg", photo, "image/jpeg"))],
                headers=headers,
            )
        checked(answer)
        return answer.json(), (time.perf_counter() - began) * 1000


@dataclass(frozen=True, slots=True)
class Heard:
    """A notice at a browser; `at` by time.perf_counter."""

    at: float
    data: dict[str, Any]


class Listener:
    """A browser's live connection: keeps every notice with the moment it arrived."""

    def __init__(self, stream: str, person: Staff) -> None:
        self._notices: queue.Queue[Heard] = queue.Queue()
        self._ready = threading.Event()
        self._stopping = False
        self._failure = ""
        cookies = dict(person.client.cookies.items())
        self._client = httpx.Client(
            cookies=cookies, timeout=httpx.Timeout(10, read=None), trust_env=False
        )
        self._thread = threading.Thread(target=self._listen, args=(stream,), daemon=True)
        self._thread.start()

    def _listen(self, stream: str) -> None:
        event, data = "", ""
        try:
            with self._client.stream("GET", f"{stream}/live/") as answer:
                if answer.status_code != 200:
                    self._failure = f"/live/: {answer.status_code}"
                    self._ready.set()
                    return
                for line in answer.iter_lines():
                    at = time.perf_counter()
                    if line.startswith("event:"):
                        event = line[6:].strip()
                    elif line.startswith("data:"):
                        data += line[5:].strip()
                    elif not line:
                        if event == "notice" and data:
                            self._notices.put(Heard(at, json.loads(data)))
                        if event:
                            self._ready.set()
                        event, data = "", ""
        except httpx.HTTPError as error:
            if not self._stopping:
                self._failure = str(error)
                self._ready.set()

    def wait_until_open(self, seconds: float = 10) -> None:
        """Until the stream has said its first word; `NotClosed` otherwise."""
        if not self._ready.wait(seconds) or self._failure:
            raise NotClosed(
                f"实时推送连接没有打开 / the live connection did not open {self._failure}"
            )

    def next(self, words: str, *, seconds: float = 10) -> Heard:
        """The next notice whose title or body holds these words."""
        deadline = time.perf_counter() + seconds
        while True:
            left = deadline - time.perf_counter()
            try:
                heard = self._notices.get(timeout=max(left, 0.001))
            except queue.Empty:
                raise NotClosed(f"没有收到推送：{words} / no notice: {words}") from None
            if words in f"{heard.data.get('title', '')}{heard.data.get('body', '')}":
                return heard

    def close(self) -> None:
        self._stopping = True
        self._client.close()


def photo(words: str, *, shade: int = 96) -> bytes:
    """A photograph for the story: a drawn street under a grey sky, as JPEG."""
    picture = Image.new("RGB", (960, 720), (shade + 60, shade + 66, shade + 74))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 430, 960, 720), fill=(shade, shade - 4, shade - 10))
    for place in range(6):
        left = place * 165 - 20
        height = 120 + (len(words) * 37 + place * 71) % 190
        tone = shade + 18 + (place * 29) % 50
        draw.rectangle((left, 430 - height, left + 140, 430), fill=(tone, tone - 6, tone - 14))
    draw.polygon([(380, 720), (580, 720), (500, 430), (460, 430)], fill=(shade - 28,) * 3)
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=80)
    return target.getvalue()
