"""A broker that repeats and reorders.

Readings go to a real Mosquitto in any order, most of them more than once, some with another
reading of the same device in between; connections to it are reset meanwhile and the listener is
killed, so that the broker sends again what was not acknowledged. What the broker took must be
there once.
"""

import asyncio
import random
import shutil
import threading
import time
from datetime import UTC, datetime
from typing import Final

import aiomqtt
import orjson
import psycopg

from tests.faults.county_under_load import Template, kill, loading, running, wait_for
from tests.faults.reckoning import Outcome, Skipped, reckon
from tests.faults.resetting_proxy import resetting
from tests.integration.sensing.brokers import Broker

DEVICE: Final = "QH0000000000000000099997"
READINGS: Final = 1_500
MOST_TIMES: Final = 4
ROUNDS: Final = 6
_SUBSCRIBED: Final = """
SELECT EXISTS (
    SELECT FROM county.sensing_listenerstate WHERE kind = 'MQTT' AND connections > 0)
"""
_REGISTER: Final = f"""
from huying.directory.permissions import Actor
from huying.sensing import actions
actions.register_device(mn="{DEVICE}", by=Actor.system("faults"), name="监测点", protocol="MQTT",
                        units={{"a34004": "µg/m³"}}, frames_per_minute=1_000_000)
"""


def run(template: Template, *, seed: int = 2026) -> Outcome:
    path = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if path is None:
        raise Skipped("no broker: mosquitto is not installed")
    began, outcome, dice = time.monotonic(), Outcome("broker"), random.Random(seed)
    with template.copied() as county:
        county.shell(_REGISTER)
        broker = Broker(path, county.folder)
        broker.start()
        try:
            with (
                resetting(broker.port, every=2.0, dice=dice) as proxy,
                running(
                    county, template.token, HUYING_MQTT_URL=f"mqtt://127.0.0.1:{proxy.port}"
                ) as site,
                loading(site) as load,
            ):
                # Before there is a subscription the broker keeps nothing for anybody.
                with psycopg.connect(county.url, autocommit=True) as connection:
                    wait_for(lambda: connection.execute(_SUBSCRIBED).fetchone() == (True,))
                taken: set[int] = set()
                first = int(time.time()) - 20 * 3600
                for number in range(ROUNDS):
                    times = range(first + number * READINGS, first + (number + 1) * READINGS)
                    publishing = threading.Thread(
                        target=_publish, args=(broker.port, _shuffled(times, dice), taken)
                    )
                    publishing.start()
                    time.sleep(dice.random())
                    for listener in site.processes("ingest"):
                        kill(listener)
                    publishing.join()
                proxy.is_calm = True
                with psycopg.connect(county.url, autocommit=True) as connection:
                    wait_for(lambda: len(_stored(connection)) >= len(taken))
                resets = proxy.resets
        finally:
            broker.stop()
        with psycopg.connect(county.url) as connection:
            stored = _stored(connection)
        outcome.missing += [f"published {at}" for at in sorted(taken - stored.keys())]
        outcome.twice += [f"published {at}" for at, number in stored.items() if number > 1]
        outcome.remarks.append(
            f"{len(taken)} readings published {ROUNDS * READINGS * MOST_TIMES // 2} times or so in "
            f"any order; {ROUNDS} × ingest killed, {resets} connections reset"
        )
        return reckon(county, load, outcome, began)


def _shuffled(times: range, dice: random.Random) -> list[int]:
    """Each at least once, most again, in any order."""
    order = [at for at in times for _ in range(dice.randint(1, MOST_TIMES - 1))]
    dice.shuffle(order)
    return order


def _publish(port: int, order: list[int], taken: set[int]) -> None:
    """Publish with QoS 1; `taken` are those the broker acknowledged."""

    async def send() -> None:
        async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            for at in order:
                await client.publish("huying/observations/faults", _payload(at), qos=1)
                taken.add(at)

    asyncio.run(send())


def _payload(at: int) -> bytes:
    return orjson.dumps(
        {
            "device": DEVICE,
            "time": datetime.fromtimestamp(at, UTC).isoformat(),
            "values": {"a34004": at % 140},
        }
    )


def _stored(connection: psycopg.Connection[tuple[int, int]]) -> dict[int, int]:
    return dict(
        connection.execute(
            "SELECT extract(epoch FROM o.at)::bigint, count(*) FROM county.sensing_observation o"
            " JOIN county.sensing_device d ON d.id = o.device_id WHERE d.mn = %s GROUP BY 1",
            [DEVICE],
        ).fetchall()
    )
