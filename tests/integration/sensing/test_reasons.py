"""Every reason of quarantine comes about, from a device's bytes or a program's JSON."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import DataError
from django.test import Client

from huying.sensing import actions
from huying.sensing.actions import checking, ingest
from huying.sensing.actions.checking import Row
from huying.sensing.actions.rollups import add_to_hours
from huying.sensing.models import Quarantine
from huying.sensing.rules.refusals import REASONS
from huying.standards import hj212
from tests.factories.directory import make_token
from tests.factories.sensing import SYSTEM, frame, make_device
from tests.integration.sensing.devices import DeviceClient, RunningListener, segment

pytestmark = pytest.mark.django_db(transaction=True)
KEY = bytes(range(16))


@pytest.fixture
def faulty_mn(monkeypatch: pytest.MonkeyPatch) -> str:
    """The number of a device whose rows the database does not take."""
    proper = add_to_hours

    def faulty(rows: Sequence[Row]) -> None:
        if any(row.profile.mn == "FAULTY" for row in rows):
            raise DataError("out of range")
        proper(rows)

    monkeypatch.setattr(ingest, "add_to_hours", faulty)
    return "FAULTY"


def sent_by_devices(faulty_mn: str) -> dict[str, bytes]:
    """By reason: what a device sends on a connection of its own."""
    now = datetime.now(UTC)
    mn = make_device().mn
    good, text = frame(segment(mn)), segment(mn)
    off = make_device("OFF").mn
    actions.change_device(mn=off, enabled=False, by=SYSTEM)
    noisy = make_device("NOISY", frames_per_minute=1).mn
    sealed = make_device("SEALED", sm4_key=KEY.hex()).mn
    make_device(faulty_mn)
    other = hj212.Sender(sealed, "22", "123456", 2025, bytes(reversed(KEY)))
    unsealed = hj212.upload(other, "2011", now, [hj212.Item("a34004", {"Rtd": 35})], qn=now)
    packet = segment(mn, flag=7, packet="PNUM=2;PNO=2;").split("DataTime=")[0]
    same = now - timedelta(minutes=2)
    return {
        "CRC_WRONG": good.replace(b"Rtd=35", b"Rtd=36"),
        "LENGTH_WRONG": b"##%04d" % (len(text) + 3) + good[6:] + good,
        "TRUNCATED": good[:90],
        "JUNK": b"junk" + good,
        "NOT_READABLE": frame(text.replace(f"MN={mn};", "")),
        "QN_WRONG": frame("QN=2026;" + text.partition(";")[2]),
        "ST_WRONG": frame(text.replace("ST=22", "ST=2")),
        "CN_WRONG": frame(text.replace("CN=2011", "CN=20")),
        "MN_WRONG": frame(text.replace(f"MN={mn}", "MN=")),
        "FLAG_WRONG": frame(text.replace("Flag=5", "Flag=300")),
        "PACKETS_MISSING": frame(f"{packet}a34004-Rtd=35&&"),
        "UNKNOWN_COMMAND": frame(segment(mn, cn="3015")),
        "BAD_TIME": frame(text.replace("DataTime=2", "DataTime=9999")),
        "FUTURE": frame(segment(mn, at=now + timedelta(hours=1))),
        "TOO_OLD": frame(segment(mn, at=datetime(2001, 1, 1, tzinfo=UTC))),
        "UNKNOWN_DEVICE": frame(segment("NOBODY")),
        "DEVICE_DISABLED": frame(segment(off)),
        "WRONG_PASSWORD": frame(segment(mn, pw="000000")),
        "WRONG_KEY": b"".join(unsealed),
        "KEY_REFUSED": frame(segment(mn, "Key=1", cn="1014")),
        "FLOOD": b"".join(frame(segment(noisy, at=now - timedelta(seconds=n))) for n in range(3)),
        "NOT_A_NUMBER": frame(segment(mn, "a34004-Rtd=much", at=now - timedelta(seconds=11))),
        "NEGATIVE": frame(segment(mn, "a34004-Rtd=-5", at=now - timedelta(seconds=12))),
        "ABSURD": frame(segment(mn, "a34004-Rtd=99999", at=now - timedelta(seconds=13))),
        "CONFLICT": frame(segment(mn, "a34004-Rtd=35", at=same))
        + frame(segment(mn, "a34004-Rtd=36", at=same)),
        "TOO_MANY_CODES": frame(segment(mn, "zz9-Rtd=1", at=now - timedelta(seconds=14))),
        "NOT_STORED": frame(segment(faulty_mn)),
    }


def sent_by_programs() -> dict[str, dict[str, object]]:
    """By reason: an item of a batch over HTTP."""
    mn = make_device(protocol="HTTP").mn
    value = {"property": "a34004", "value": 35}
    item = {"device": mn, "time": "2026-01-01T00:00:00Z", "values": [value]}
    return {
        "MALFORMED": {**item, "period": "WEEK"},
        "UNKNOWN_FIELD": {**item, "periode": "HOUR"},
        "UNKNOWN_UNIT": {**item, "values": [{**value, "unit": "ppb"}]},
    }


def test_every_reason_comes_about(
    listener: RunningListener, client: Client, faulty_mn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_devices, by_programs = sent_by_devices(faulty_mn), sent_by_programs()
    assert by_devices.keys() | by_programs.keys() == REASONS.keys()
    monkeypatch.setattr(checking, "UNLISTED_LIMIT", 0)
    listener.refresh()
    for reason, data in by_devices.items():
        before = kept()
        with DeviceClient(listener.port) as device:
            device.send(data)
            if reason == "PACKETS_MISSING":
                listener.until(lambda: bool(listener.server.connections))
                device.ask(frame(segment("NOBODY")))
                before["UNKNOWN_DEVICE"] = before.get("UNKNOWN_DEVICE", 0) + 1
                listener.loop.call_soon_threadsafe(give_up, listener)
                listener.until(lambda: "PACKETS_MISSING" in kept())
        listener.until(partial(differs, before))
        assert kept().keys() - before.keys() <= {reason}, reason
        assert reason in kept(), f"{reason}: {kept()}"
    headers = {"Authorization": f"Bearer {make_token('observations:write')}"}
    for reason, item in by_programs.items():
        answer = client.post(
            "/api/v1/observations",
            {"observations": [item]},
            content_type="application/json",
            headers=headers,
        )
        assert [r["reason"] for r in answer.json()["results"][0]["refusals"]] == [reason]

    assert kept().keys() == REASONS.keys()


def differs(before: dict[str, int]) -> bool:
    return kept() != before


def kept() -> dict[str, int]:
    found: dict[str, int] = {}
    for reason in Quarantine.objects.values_list("reason", flat=True):
        found[reason] = found.get(reason, 0) + 1
    return found


def give_up(listener: RunningListener) -> None:
    """As the sweeper an hour later."""
    for connection in listener.server.connections:
        connection.sweep(time.monotonic() + 3600)
