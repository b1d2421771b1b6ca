"""The database's server dies and its disk with it; the standby takes over.

`huying promote` is called, and nobody restarts anything else.
"""

import time

from tests.faults.county_under_load import Template, go_on, kill, loading, running, server_of
from tests.faults.reckoning import Outcome, reckon


def run(template: Template) -> Outcome:
    began, outcome = time.monotonic(), Outcome("failover")
    with template.copied() as county:
        county.do("standby")
        with running(county, template.token) as site, loading(site) as load:
            go_on(load, 20)
            server = server_of(county)
            assert server is not None
            struck_at = time.monotonic()
            kill(server)
            (county.data_dir / "postgres").rename(county.folder / "broken-disk")
            county.do("promote")
            promoted = time.monotonic() - struck_at
            go_on(load, 20)
        outcome.remarks.append(
            f"outage: reports {load.outage(struck_at, 'report'):.1f} s, readings "
            f"{load.outage(struck_at, 'reading'):.1f} s; `huying promote` with its start "
            f"{promoted:.1f} s"
        )
        return reckon(county, load, outcome, began)
