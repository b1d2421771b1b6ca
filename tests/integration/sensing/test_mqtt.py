"""MQTT against a real broker: taken, acknowledged after the commit, taken up again."""

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import orjson
import pytest
import uvloop

from huying.sensing.listeners.mqtt import Subscriber
from huying.sensing.models import Observation, Quarantine
from tests.factories.sensing import INGEST, make_device, this_hour

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.django_db(transaction=True)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A mosquitto of our own on a free port."""

    def __init__(self, path: str, folder: Path) -> None:
        self.port = free_port()
        self._path = path
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nper_listener_settings false\n"
            f"persistence false\nlog_dest none\n"
        )

    def start(self) -> None:
        self._process = subprocess.Popen([self._path, "-c", str(self._configuration)])
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def publish(self, *payloads: bytes) -> None:
        async def send() -> None:
            async with aiomqtt.Client(
                "127.0.0.1", self.port, protocol=aiomqtt.ProtocolVersion.V5
            ) as client:
                for payload in payloads:
                    await client.publish("huying/observations/test", payload, qos=1)

        asyncio.run(send())


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
