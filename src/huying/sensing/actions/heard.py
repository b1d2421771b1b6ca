"""When each device was last heard of: gathered in memory, written at most every 15 s a device."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import connection

EVERY_SECONDS: Final = 15.0

_WRITE: Final = """
INSERT INTO sensing_devicestate AS s (device_id, last_heard_at, last_booted_at, last_refused_at,
    last_refusal, flooded_at, flooded_frames, drift_seconds, frames, refused,
    clock_at, clock_result, clock_code)
SELECT device_id, to_timestamp(heard), to_timestamp(booted), to_timestamp(refused_at), refusal,
       to_timestamp(flooded), flooded_frames, drift, frames, refused, to_timestamp(clock_at),
       clock_result, clock_code
FROM unnest(%s::bigint[], %s::float8[], %s::float8[], %s::float8[], %s::text[], %s::float8[],
            %s::bigint[], %s::int[], %s::bigint[], %s::bigint[], %s::float8[], %s::text[],
            %s::smallint[])
     AS g (device_id, heard, booted, refused_at, refusal, flooded, flooded_frames, drift, frames,
           refused, clock_at, clock_result, clock_code)
ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET
    last_heard_at = greatest(s.last_heard_at, excluded.last_heard_at),
    last_booted_at = greatest(s.last_booted_at, excluded.last_booted_at),
    last_refused_at = greatest(s.last_refused_at, excluded.last_refused_at),
    last_refusal = CASE WHEN excluded.last_refusal <> '' THEN excluded.last_refusal
                   ELSE s.last_refusal END,
    flooded_at = greatest(s.flooded_at, excluded.flooded_at),
    flooded_frames = s.flooded_frames + excluded.flooded_frames,
    drift_seconds = CASE WHEN excluded.drift_seconds IS NULL AND excluded.clock_result = 'DONE'
                    THEN NULL ELSE coalesce(excluded.drift_seconds, s.drift_seconds) END,
    clock_at = coalesce(excluded.clock_at, s.clock_at),
    clock_result = CASE WHEN excluded.clock_at IS NULL THEN s.clock_result
                   ELSE excluded.clock_result END,
    clock_code = CASE WHEN excluded.clock_at IS NULL THEN s.clock_code
                 ELSE excluded.clock_code END,
    frames = s.frames + excluded.frames, refused = s.refused + excluded.refused
"""


@dataclass(slots=True)
class _News:
    heard: float
    frames: int = 0
    refused: int = 0
    refusal: str = ""
    refused_at: float | None = None
    booted: float | None = None
    flooded: float | None = None
    flooded_frames: int = 0
    drift: int | None = None
    clock_at: float | None = None
    clock_result: str = ""
    clock_code: int | None = None


class HeardLog:
    """What happened to devices since it was last written down. Safe between threads."""

    def __init__(self) -> None:
        self._news: dict[int, _News] = {}
        self._written: dict[int, float] = {}
        self._lock = threading.Lock()

    def note(self, device_id: int, now: float, *, frames: int = 1) -> None:
        """Heard of, with so many frames."""
        with self._lock:
            self._of(device_id, now).frames += frames

    def note_frames(self, counts: Iterable[tuple[int, int]], now: float) -> None:
        """Heard of many devices at once: (device, frames)."""
        with self._lock:
            for device_id, frames in counts:
                self._of(device_id, now).frames += frames

    def note_refusal(self, device_id: int, now: float, reason: str) -> None:
        with self._lock:
            news = self._of(device_id, now)
            news.refused += 1
            news.refused_at = now
            news.refusal = reason

    def note_flood(self, device_id: int, now: float) -> None:
        with self._lock:
            news = self._of(device_id, now)
            news.flooded = now
            news.flooded_frames += 1

    def note_boot(self, device_id: int, now: float, booted_at: float) -> None:
        with self._lock:
            self._of(device_id, now).booted = booted_at

    def note_drift(self, device_id: int, now: float, seconds: int) -> None:
        with self._lock:
            self._of(device_id, now).drift = seconds

    def note_clock(self, device_id: int, now: float, result: str, code: int | None) -> None:
        """What became of a command to set the clock; see `DeviceState.ClockResult`.

        No frame was heard by it: after 40 s without an answer the device is as silent as before.
        """
        with self._lock:
            news = self._of(device_id, 0.0)
            news.clock_at, news.clock_result, news.clock_code = now, result, code
            if result == "DONE":
                news.drift = None

    def _of(self, device_id: int, now: float) -> _News:
        news = self._news.get(device_id)
        if news is None:
            news = self._news[device_id] = _News(now)
        news.heard = max(news.heard, now)
        return news

    def write(self, now: float, *, all_of_it: bool = False) -> int:
        """Write what is due, in the caller's transaction or by itself; how many devices."""
        with self._lock:
            due = [
                device_id
                for device_id in self._news
                # A clock that was set back must not silence a device until it has caught up.
                if all_of_it or abs(now - self._written.get(device_id, 0.0)) >= EVERY_SECONDS
            ]
            lines = [(device_id, self._news.pop(device_id)) for device_id in sorted(due)]
            for device_id in due:
                self._written[device_id] = now
        if not lines:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(
                _WRITE,
                [
                    [device_id for device_id, _ in lines],
                    [news.heard or None for _, news in lines],
                    [news.booted for _, news in lines],
                    [news.refused_at for _, news in lines],
                    [news.refusal for _, news in lines],
                    [news.flooded for _, news in lines],
                    [news.flooded_frames for _, news in lines],
                    [news.drift for _, news in lines],
                    [news.frames for _, news in lines],
                    [news.refused for _, news in lines],
                    [news.clock_at for _, news in lines],
                    [news.clock_result for _, news in lines],
                    [news.clock_code for _, news in lines],
                ],
            )
        return len(lines)

    def clear(self) -> None:
        with self._lock:
            self._news.clear()
            self._written.clear()


heard_log = HeardLog()
"""One for each process."""


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
