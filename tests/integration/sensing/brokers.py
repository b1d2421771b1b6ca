"""A real MQTT broker, started and stopped by a test."""

import asyncio
import socket
import subprocess
import time
from pathlib import Path

import aiomqtt


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
            # As deploy/compose/mosquitto.conf has it: by itself it lets go what exceeds 1,000.
            f"max_queued_messages 1000000\nmax_inflight_messages 2000\n"
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

    def publish(self, *payloads: bytes, qos: int = 1) -> None:
        async def send() -> None:
            async with aiomqtt.Client(
                "127.0.0.1", self.port, protocol=aiomqtt.ProtocolVersion.V5
            ) as client:
                for payload in payloads:
                    await client.publish("huying/observations/test", payload, qos=qos)

        asyncio.run(send())
