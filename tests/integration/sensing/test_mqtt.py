"""MQTT against a real broker: taken, acknowledged after the commit, taken up again."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvloop

from huying.sensing.actions import ingest, storing
from huying.sensing.listeners import mqtt
from huying.sensing.listeners.mqtt import Subscriber
from huying.sensing.models import Observation, Quarantine
from tests.factories.sensing import INGEST, make_device, this_hour
from tests.integration.sensing.brokers import Broker

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.django_db(transaction=True)]


class RunningSubscriber:
    def __init__(self, port: int) -> None:
        self._port = port
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.subscriber = Subscriber(
            url=f"mqtt://127.0.0.1:{self._port}", by=INGEST, client_id="huying-test"
        )
        self.loop = asyncio.get_running_loop()
        task = asyncio.create_task(self.subscriber.run())
        await asyncio.wait_for(self.subscriber.connected.wait(), 10)
        self._ready.set()
        await task

    def __enter__(self) -> "RunningSubscriber":
        self._thread.start()
        assert self._ready.wait(15)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.subscriber.stop)
        self._thread.join(15)
        assert not self._thread.is_alive()


@pytest.fixture
def broker(catalogue: None, mosquitto_path: str, tmp_path: Path) -> Iterator[Broker]:
    running = Broker(mosquitto_path, tmp_path)
    running.start()
    yield running
    running.stop()


def payload(mn: str, value: Any, at: int | None = None) -> bytes:
    return orjson.dumps(
        {
            "device": mn,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at or this_hour(1))),
            "values": {"a34004": value},
        }
    )


def until(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_messages_are_stored_once(broker: Broker) -> None:
    device = make_device(protocol="MQTT", units={})
    with RunningSubscriber(broker.port):
        one = payload(device.mn, 35)
        broker.publish(one, one, payload(device.mn, 36, this_hour(2)))
        until(lambda: Observation.objects.count() == 2)

    assert sorted(row.values for row in Observation.objects.all()) == [[35.0], [36.0]]
    assert not Quarantine.objects.exists()


def test_what_is_no_reading_is_kept(broker: Broker) -> None:
    device = make_device(protocol="MQTT", units={})
    with RunningSubscriber(broker.port):
        broker.publish(b"\xff\xfenonsense", payload(device.mn, "NaN"), payload("stranger", 1))
        until(lambda: Quarantine.objects.count() == 3)

    reasons = set(Quarantine.objects.values_list("reason", flat=True))
    assert reasons == {"MALFORMED", "NOT_A_NUMBER", "UNKNOWN_DEVICE"}


def test_nothing_is_lost_while_we_are_away(broker: Broker) -> None:
    device = make_device(protocol="MQTT", units={})
    with RunningSubscriber(broker.port):
        pass  # the broker now keeps a session for the subscription
    broker.publish(*[payload(device.mn, n, this_hour(1) + n) for n in range(20)])
    with RunningSubscriber(broker.port):
        until(lambda: Observation.objects.count() == 20)


def test_the_connection_comes_back(broker: Broker) -> None:
    device = make_device(protocol="MQTT", units={})
    with RunningSubscriber(broker.port) as running:
        broker.stop()
        until(lambda: not running.subscriber.connected.is_set())
        broker.start()
        until(running.subscriber.connected.is_set, 20)
        broker.publish(payload(device.mn, 35))
        until(lambda: Observation.objects.count() == 1)


def test_what_its_sender_does_not_insist_on_is_let_go_while_the_queue_is_full(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device(protocol="MQTT", units={})
    with RunningSubscriber(broker.port) as running:
        batcher = running.subscriber.batcher
        monkeypatch.setattr(batcher, "_full", True)
        broker.publish(*[payload(device.mn, n, this_hour(1) + n) for n in range(20)], qos=0)
        until(lambda: batcher.counters.flooded == 20)
        # What is insisted on (QoS 1) is taken all the same: the broker sends so much at most.
        broker.publish(payload(device.mn, 35))
        until(lambda: Observation.objects.count() == 1)


def test_so_many_messages_are_on_their_way_and_the_others_wait_at_the_broker(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "RECEIVE_MAXIMUM", 10)
    proper, disk_answers = storing.store, threading.Event()

    def store(*arguments: Any) -> Any:
        assert disk_answers.wait(30)
        return proper(*arguments)

    monkeypatch.setattr(ingest, "store", store)
    device = make_device(protocol="MQTT", units={})
    with RunningSubscriber(broker.port) as running:
        counters = running.subscriber.batcher.counters
        broker.publish(*[payload(device.mn, n, this_hour(1) + n) for n in range(50)])
        until(lambda: counters.frames == 10)
        # What knows no such limit comes past those that wait: they were not on their way.
        broker.publish(payload(device.mn, 99, this_hour(2)), qos=0)
        until(lambda: counters.frames == 11)
        disk_answers.set()
        until(lambda: Observation.objects.count() == 51)


def test_who_starts_after_one_that_died_takes_its_name() -> None:
    first, name = mqtt._place_of_ours()
    second, other = mqtt._place_of_ours()
    assert name != other, "two at once are two"
    os.close(first)  # as when a process ends, however it ends
    third, again = mqtt._place_of_ours()
    assert again == name
    os.close(second)
    os.close(third)
