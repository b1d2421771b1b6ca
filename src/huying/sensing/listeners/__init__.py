"""Listeners: each turns what devices send into readings for the one door.

`run` is the ingest process: HJ 212 over TCP, MQTT where HUYING_MQTT_URL is set. Several
processes share the port (SO_REUSEPORT) and the MQTT group; a device may talk to any of them.
"""

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import time
from types import FrameType
from typing import Any

import django
import uvloop
from django.conf import settings

from huying.directory.permissions import Actor
from huying.sensing import events
from huying.telemetry import serving

_logger = logging.getLogger(__name__)


def run(*, processes: int = 1, host: str = "", port: int = 0) -> None:
    """Listen until SIGTERM or SIGINT; then finish what was received, and return."""
    host = host or getattr(settings, "HJ212_HOST", "127.0.0.1")
    port = port or settings.HJ212_PORT
    if processes <= 1:
        serve(host, port, settings.MQTT_URL)
    else:
        _supervise(processes, host, port)


def serve(host: str, port: int, mqtt_url: str) -> None:
    """One listener process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(host, port, mqtt_url))


async def _serve(host: str, port: int, mqtt_url: str) -> None:
    # Not at the top: a spawned child imports this module before Django is set up.
    from huying.sensing.listeners.hj212 import Server
    from huying.sensing.listeners.mqtt import Subscriber

    by = Actor.system("ingest")
    loop = asyncio.get_running_loop()
    server = Server(host=host, port=port, by=by)
    parts: list[Any] = [server]
    if mqtt_url:
        parts.append(Subscriber(url=mqtt_url, by=by))

    def stop() -> None:
        for part in parts:
            part.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    events.about_to_listen.send(sender=None)
    serving.start(county=settings.COUNTY)
    # Readings live for one batch and form no cycles: looking for cycles among them is wasted.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    await server.start()
    _logger.info("HJ 212 on %s:%d", host, port)
    await asyncio.gather(*(part.run() for part in parts))


def _child(host: str, port: int, mqtt_url: str) -> None:
    django.setup()
    serve(host, port, mqtt_url)


def _supervise(processes: int, host: str, port: int) -> None:
    """Start the processes, restart those that die, stop them all together."""
    context = multiprocessing.get_context("spawn")
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "huying.config.settings")
    arguments = (host, port, settings.MQTT_URL)
    children = [context.Process(target=_child, args=arguments) for _ in range(processes)]
    for child in children:
        child.start()
    while not stopping:
        for place, child in enumerate(children):
            if not child.is_alive():
                _logger.error("a listener process ended with %s", child.exitcode)
                children[place] = context.Process(target=_child, args=arguments)
                children[place].start()
        time.sleep(0.5)
    for child in children:
        child.terminate()
    for child in children:
        child.join(15)
        if child.is_alive():
            child.kill()
            child.join()
