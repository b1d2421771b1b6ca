"""MQTT 5: readings as JSON on a shared subscription, acknowledged (QoS 1) after the commit.

The broker keeps what is not acknowledged and sends it again, to this process or to another of
the group. At most RECEIVE_MAXIMUM messages are on their way: that is the back-pressure. A message
of QoS 0 knows none: while the queue is full it is let go and counted, as its sender chose.
"""

import asyncio
import fcntl
import itertools
import logging
import os
import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import aiomqtt
from django.conf import settings
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from huying.directory.permissions import Actor
from huying.sensing.actions import Kept, Outcome, Reading, Refusal
from huying.sensing.listeners.batching import Batcher
from huying.sensing.listeners.flood import KeptLimit, MinuteLimit
from huying.sensing.rules import payloads

_logger = logging.getLogger(__name__)

TOPIC: Final = "huying/observations/#"
GROUP: Final = "huying"
RECEIVE_MAXIMUM: Final = 2_000
SESSION_SECONDS: Final = 24 * 3600
LARGEST_PAYLOAD: Final = 256 * 1024
_LONGEST_PAUSE: Final = 30.0


@dataclass(slots=True)
class _Delivery:
    """One message and how many of its readings are not yet settled."""

    acknowledge: Callable[[], None]
    open_readings: int


def _place_of_ours() -> tuple[int, str]:
    """A place among the listeners of this data directory: the open file that holds it, and the
    name that lies in it.

    Whoever starts after one that died takes its place, and with the name its session: the broker
    sends it what the dead one had not acknowledged. Under a name of its own it never would.
    """
    for place in itertools.count():
        path = Path(settings.DATA_DIR) / f"mqtt-{place}.lock"
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
        else:
            name = os.read(file, 100).decode()
            if not name:
                name = f"huying-{settings.COUNTY}-{secrets.token_hex(8)}"
                os.write(file, name.encode())
            return file, name
    raise AssertionError("unreachable")


class Subscriber:
    """Keeps one connection to the broker and hands everything to the one door."""

    def __init__(self, *, url: str, by: Actor, client_id: str = "", topic: str = TOPIC) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._tls = aiomqtt.TLSParameters() if parts.scheme == "mqtts" else None
        self._place, name = _place_of_ours()
        self._client_id = client_id or name
        self._topic = topic
        self._kept_limit = KeptLimit()
        self._let_go_limit = MinuteLimit()
        self._stopping = False
        self._connection: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()
        self.batcher: Batcher[_Delivery] = Batcher(
            name=f"mqtt@{self._client_id}", kind="MQTT", by=by, settle=self._settle
        )

    async def run(self) -> None:
        """Until `stop`: connect, take messages, connect again with growing pauses."""
        await self.batcher.prepare()
        writer = asyncio.create_task(self.batcher.run())
        pause = 0.5
        while not self._stopping:
            began = time.monotonic()
            self._connection = asyncio.create_task(self._take_messages())
            try:
                await self._connection
            except aiomqtt.MqttError as error:
                self.batcher.counters.last_error = str(error)[:200]
                _logger.warning("MQTT: %s", error)
            except asyncio.CancelledError:
                if not self._stopping:
                    raise
            self.connected.clear()
            self.batcher.counters.connections = 0
            if self._stopping:
                break
            pause = 0.5 if time.monotonic() - began > 60 else min(pause * 2, _LONGEST_PAUSE)
            # Not all processes at once when the broker comes back.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # no secret
        self.batcher.stop()
        await writer
        os.close(self._place)

    def stop(self) -> None:
        self._stopping = True
        if self._connection is not None:
            self._connection.cancel()

    async def _take_messages(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.SessionExpiryInterval = SESSION_SECONDS
        properties.MaximumPacketSize = LARGEST_PAYLOAD
        async with aiomqtt.Client(
            self._host,
            self._port,
            username=self._username,
            password=self._password,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
            tls_params=self._tls,
        ) as client:
            # aiomqtt acknowledges on receipt and offers no other way; its paho client does.
            paho = client._client
            paho.manual_ack_set(True)
            await client.subscribe(f"$share/{GROUP}/{self._topic}", qos=1)
            self.batcher.counters.connections = 1
            self.connected.set()
            async for message in client.messages:
                if message.qos == 0 and self.batcher.is_full:
                    self._let_go()
                    continue
                acknowledge = self._acknowledgement(paho, message.mid, message.qos)
                self._take(bytes(message.payload or b""), str(message.topic), acknowledge)

    def _let_go(self) -> None:
        self.batcher.counters.flooded += 1
        if self._let_go_limit.add("", time.monotonic()) == 1:
            _logger.warning("MQTT: messages of QoS 0 are let go: more come than can be stored")

    @staticmethod
    def _acknowledgement(paho: object, mid: int, qos: int) -> Callable[[], None]:
        def acknowledge() -> None:
            # On a connection that is gone this does nothing: the broker sends it again.
            paho.ack(mid, qos)  # type: ignore[attr-defined]  # paho's client

        return acknowledge

    def _take(self, payload: bytes, topic: str, acknowledge: Callable[[], None]) -> None:
        counters = self.batcher.counters
        counters.frames += 1
        try:
            found = payloads.readings_of(payload, listener="MQTT", peer=topic[:64])
        except payloads.Unreadable as error:
            found = [error.refusal]
        readings = [one for one in found if isinstance(one, Reading)]
        for one in found:
            if isinstance(one, Refusal):
                self._keep(one, payload, topic)
        if not readings:
            acknowledge()
            return
        delivery = _Delivery(acknowledge, len(readings))
        for reading in readings:
            self.batcher.put(reading, delivery)

    def _keep(self, refusal: Refusal, payload: bytes, topic: str) -> None:
        if self._kept_limit.takes(topic, time.monotonic()):
            kept = Kept(refusal.reason, payload, "", dict(refusal.detail), "MQTT", topic[:64])
            self.batcher.keep(kept)
        else:
            self.batcher.counters.quarantined += 1

    def _settle(
        self, batch: Sequence[tuple[Reading, _Delivery]], outcomes: Sequence[Outcome | None]
    ) -> None:
        for (_reading, delivery), outcome in zip(batch, outcomes, strict=True):
            if outcome is None:
                # Not stored: breaking the connection makes the broker send it again.
                if self._connection is not None:
                    self._connection.cancel()
                continue
            delivery.open_readings -= 1
            if delivery.open_readings == 0:
                delivery.acknowledge()
