"""HJ 212 as public receivers saw it: each frame taken or kept as it deserves."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from huying.sensing import decode
from huying.sensing.models import (
    Observation,
    Quarantine,
)
from huying.standards import hj212
from tests.factories.sensing import frame, make_device
from tests.integration.sensing.devices import DeviceClient, RunningListener, segment

pytestmark = pytest.mark.django_db(transaction=True)


def test_all_frames_of_public_receivers(listener: RunningListener, shared_data: Path) -> None:
    """Each frame of the collection, from a registered device: taken or kept, and why, as each of
    its columns says; and the decoder of the field says the same."""
    counters = listener.server.counters
    with (shared_data / "hj212" / "frames.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    senders = {hj212.peek_header(row["packet"].encode()[6:]) for row in rows}
    for mn in sorted({header.mn for header in senders if header}):
        make_device(mn, password="", units={}, kind="OTHER")
    listener.refresh()
    for row in rows:
        assert decoded(row["packet"].encode()) == {
            "len_ok": row["len_ok"], "crc_ok": row["crc_ok"], "crc_calc": row["crc_calc"].upper(),
            "valid": row["valid"],
        }  # fmt: skip
        before, kept, seen = Observation.objects.count(), reasons(), counters.frames
        with DeviceClient(listener.port) as client:
            client.send(row["packet"].encode() + b"\r\n")
            listener.until(partial(came_through, listener, seen))
        if row["valid"] == "False":
            assert row["len_ok"] == "1"  # the collection has no frame whose length is wrong
            listener.until(partial(reached, reasons, kept + Counter(["CRC_WRONG"])))
            assert Observation.objects.count() == before
        elif "CN=2081" not in row["packet"]:  # a boot note is no observation
            # Two of the frames are for one device and time: their properties come together.
            merged = row["packet"].startswith("##0317QN=20191012133710130")
            listener.until(partial(reached, Observation.objects.count, before + (not merged)))
            assert reasons() == kept
    assert reasons() == Counter({"CRC_WRONG": sum(row["crc_ok"] == "0" for row in rows)})


def decoded(packet: bytes) -> dict[str, str]:
    """What `huying hj212 decode` says of one frame, in the columns of the collection."""
    (line,) = decode.lines(io.BytesIO(packet + b"\r\n"))
    said = json.loads(line)
    reason = said.get("reason", "")
    return {
        "len_ok": str(int(reason not in ("LENGTH_WRONG", "TRUNCATED"))),
        "crc_ok": str(int(reason != "CRC_WRONG")),
        "crc_calc": said.get("crc_expected") or hj212.crc_text(packet[6:-4]).decode(),
        "valid": str(said["ok"]),
    }


def test_a_wrong_length_is_not_a_wrong_crc(listener: RunningListener) -> None:
    device = make_device()
    good = frame(segment(device.mn))
    longer = b"##%04d" % (int(good[2:6]) + 7) + good[6:]
    said = decoded(longer[:-2])
    assert (said["len_ok"], said["crc_ok"], said["valid"]) == ("0", "1", "False")
    with DeviceClient(listener.port) as client:
        client.send(longer)
        assert client.ask(frame(segment(device.mn))).cn == "9011"
        assert client.answer().cn == "9014"

    listener.until(partial(reached, reasons, Counter(["LENGTH_WRONG"])))


def reasons() -> Counter[str]:
    """Frames in quarantine for what is wrong about the frame, not about a value in it."""
    kept = Quarantine.objects.filter(reason__in=list(hj212.Reason))
    return Counter(kept.values_list("reason", flat=True))


def reached(look: Callable[[], object], wanted: object) -> bool:
    return look() == wanted


def came_through(listener: RunningListener, seen: int) -> bool:
    return listener.server.counters.frames > seen and listener.server.batcher.waiting == 0
