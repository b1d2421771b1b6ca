"""Devices and readings to test with."""

import time
from collections.abc import Mapping
from itertools import count
from typing import Any

from huying.directory.permissions import Actor
from huying.sensing import actions
from huying.sensing.models import Device
from huying.sensing.rules.readings import Reading
from huying.standards import hj212

SYSTEM = Actor.system("tests")
INGEST = Actor.system("ingest")
UNITS = {"a34004": "µg/m³", "a34002": "µg/m³", "a21026": "µg/m³", "a21004": "µg/m³"}
HOUR = 3600

_numbers = count(1)


def make_device(mn: str = "", **details: Any) -> Device:
    """A registered air station that sends µg/m³; `details` are fields of NewDevice."""
    number = next(_numbers)
    mn = mn or f"QH{number:022d}"
    details = {"name": f"监测点 {number}", "password": "123456", "units": UNITS, **details}
    actions.register_device(mn=mn, by=SYSTEM, **details)
    return Device.objects.get(mn=mn)


def this_hour(hours_ago: int = 0) -> int:
    """The start of the present hour or an earlier one, in seconds since 1970."""
    now = int(time.time())
    return now - now % HOUR - hours_ago * HOUR


def make_reading(
    mn: str,
    values: Mapping[str, float],
    *,
    kind: str = "REALTIME",
    at: int | None = None,
    flags: str = "",
    listener: str = "HJ212",
    **fields: Any,
) -> Reading:
    return Reading(
        mn=mn,
        kind=kind,
        at=this_hour(1) if at is None else at,
        codes=tuple(values),
        values=tuple(map(float, values.values())),
        flags=flags or "N" * len(values),
        listener=listener,
        raw=fields.pop("raw", b"##raw"),
        **fields,
    )


def take(*readings: Reading) -> actions.BatchResult:
    """Hand readings in at the door."""
    return actions.ingest_batch(readings=readings, by=INGEST)


def frame(segment: str) -> bytes:
    """A whole HJ 212 frame around a data segment."""
    return hj212.encode_segment(segment.encode())
