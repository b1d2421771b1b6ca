"""Connections are reset at random: processes to the database, programs and devices to the site."""

import random
import time
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict

from tests.faults.county_under_load import Template, go_on, loading, running
from tests.faults.reckoning import Outcome, reckon
from tests.faults.resetting_proxy import resetting

EVERY_SECONDS: Final = 0.25
SECONDS: Final = 40.0


def run(template: Template, *, seconds: float = SECONDS, seed: int = 2026) -> Outcome:
    began, outcome = time.monotonic(), Outcome("connection_resets")
    dice = random.Random(seed)
    with template.copied() as county:
        county.do("migrate")  # its server runs on afterwards
        known = conninfo_to_dict(county.url)
        socket = Path(str(known["host"]), ".s.PGSQL.5432")
        with resetting(socket, every=EVERY_SECONDS, dice=dice) as to_database:
            to_database.is_calm = True
            url = f"postgresql://postgres@127.0.0.1:{to_database.port}/{known['dbname']}"
            with running(county, template.token, HUYING_DATABASE_URL=url) as site:
                web = int(site.url.rpartition(":")[2])
                with (
                    resetting(web, every=EVERY_SECONDS, dice=dice) as to_web,
                    resetting(site.port, every=EVERY_SECONDS, dice=dice) as to_ingest,
                    loading(
                        site, url=f"http://127.0.0.1:{to_web.port}", port=to_ingest.port
                    ) as load,
                ):
                    to_database.is_calm = False
                    until = time.monotonic() + seconds
                    while time.monotonic() < until:
                        go_on(load)
                    to_database.is_calm = True
                    go_on(load)
        outcome.remarks.append(
            f"resets: database {to_database.resets}, web {to_web.resets}, "
            f"devices {to_ingest.resets}"
        )
        return reckon(county, load, outcome, began)
