"""What was confirmed must be there, once: the account after a fault."""

import shutil
import time
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from tests.faults.county_under_load import ALERTING, DEVICE, FOLDER, HIGH, Load
from tests.integration.config.commands import County

MOST_NAMED: Final = 5
_READINGS: Final = """
SELECT extract(epoch FROM o.at)::bigint, count(*) FROM county.sensing_observation o
JOIN county.sensing_device d ON d.id = o.device_id WHERE d.mn = %s GROUP BY 1
"""
_ALERTS: Final = """
SELECT extract(epoch FROM a.opened_at)::bigint, count(DISTINCT a.id), count(one.what)
FROM county.sensing_alert a JOIN county.sensing_device d ON d.id = a.device_id
LEFT JOIN (
    SELECT alert_id, 'case' AS what FROM county.cases_case WHERE alert_id IS NOT NULL
    UNION ALL
    SELECT (data ->> 'alert')::bigint, 'rise' FROM county.cases_act WHERE action = 'rise'
) one ON one.alert_id = a.id
WHERE d.mn = %s GROUP BY 1
"""
# Told once of each act that tells: whom, of what, about which case.
_NOTICES: Final = """
SELECT 'case:' || report.case_id, count(notice.id),
       count(notice.id) - count(DISTINCT (notice.account_id, notice.kind, notice.title))
FROM county.cases_report report
LEFT JOIN county.notices_notice notice
    ON notice.subject = 'case:' || report.case_id AND notice.escalated_from_id IS NULL
WHERE report.idempotency_key LIKE '%%:faults-%%' AND report.receipt = ANY (%s)
GROUP BY 1
"""


class Skipped(Exception):
    """This fault cannot be made here; says why in one line."""


@dataclass(slots=True)
class Outcome:
    """What a fault left. `wrong`: what the fault itself should have shown and did not."""

    fault: str
    seconds: float = 0.0
    confirmed: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    fsck: str = ""
    verify: str = ""
    remarks: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def ok(self) -> bool:
        return not (self.missing or self.twice or self.wrong or self.fsck or self.verify)


def reckon(county: County, load: Load, outcome: Outcome, began: float) -> Outcome:
    """Fill in what is missing, what is there twice, and what `verify` and `fsck` say."""
    outcome.confirmed = load.counts
    outcome.repeated = load.failures
    with psycopg.connect(county.url) as connection:
        _reports(connection, load, outcome)
        _acts(connection, load, outcome)
        _readings(connection, load, outcome)
        _records(connection, load, outcome)
    for command in ("verify", "fsck"):
        done = county.run(command)
        if done.returncode:
            setattr(outcome, command, (done.stdout + done.stderr).strip()[-600:])
    outcome.seconds = round(time.monotonic() - began, 1)
    if not outcome.ok:
        log = FOLDER / f"faults-{outcome.fault}.log"
        shutil.copyfile(county.folder / "up.log", log)
        outcome.remarks.append(f"what the processes said: {log}")
    return outcome


def _reports(connection: psycopg.Connection[Any], load: Load, outcome: Outcome) -> None:
    rows = connection.execute(
        "SELECT split_part(text, ' ', 2), receipt FROM county.cases_report"
        " WHERE idempotency_key LIKE '%:faults-%'"
    ).fetchall()
    kept: dict[str, str] = {}
    for key, receipt in rows:
        if key in kept:
            outcome.twice.append(f"report {key}")
        kept[key] = receipt
    for key, (receipt, _record) in load.reports.items():
        if kept.get(key) != receipt:
            outcome.missing.append(f"report {key}")
    told = connection.execute(
        _NOTICES, [[receipt for receipt, _ in load.reports.values()]]
    ).fetchall()
    outcome.confirmed["notices"] = sum(number for _, number, _ in told)
    outcome.twice += [f"notice of {subject}" for subject, _, again in told if again]
    outcome.missing += [f"notice of {subject}" for subject, number, _ in told if not number]


def _acts(connection: psycopg.Connection[Any], load: Load, outcome: Outcome) -> None:
    kept = {
        row[0]: row[1:]
        for row in connection.execute(
            "SELECT id, case_id, seq, action FROM county.cases_act WHERE id = ANY (%s)",
            [list(load.acts)],
        ).fetchall()
    }
    for act_id, act in load.acts.items():
        if kept.get(act_id) != (act.case_id, act.seq, act.action):
            outcome.missing.append(f"act {act_id}")
    again = connection.execute(
        "SELECT case_id, action FROM county.cases_act WHERE case_id = ANY (%s)"
        " AND action IN ('take', 'answer') GROUP BY 1, 2 HAVING count(*) > 1",
        [sorted({act.case_id for act in load.acts.values()})],
    ).fetchall()
    outcome.twice += [f"{action} of case {case_id}" for case_id, action in again]


def _readings(connection: psycopg.Connection[Any], load: Load, outcome: Outcome) -> None:
    for mn, confirmed in ((DEVICE, load.readings), (ALERTING, set(load.hours))):
        kept = dict(connection.execute(_READINGS, [mn]).fetchall())
        missing = sorted(confirmed - kept.keys())
        outcome.missing += [f"reading {at}" for at in missing]
        if missing:
            outcome.remarks.append(f"in quarantine of {mn}: {_kept(connection, mn)}")
        outcome.twice += [f"reading {at}" for at, number in kept.items() if number > 1]
    alerts = {row[0]: row[1:] for row in connection.execute(_ALERTS, [ALERTING]).fetchall()}
    high = sorted(at for at, value in load.hours.items() if value == HIGH)
    outcome.confirmed["alerts"] = len(high)
    for at in high:
        number, matters = alerts.get(at, (0, 0))
        if not number or not matters:
            outcome.missing.append(f"alert {at}: {number}, in {matters} cases")
        elif number > 1 or matters > 1:
            outcome.twice.append(f"alert {at}: {number}, in {matters} cases")


def _kept(connection: psycopg.Connection[Any], mn: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT reason, detail::text, count(*) FROM county.sensing_quarantine WHERE mn = %s"
        " GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 5",
        [mn],
    ).fetchall()


def _records(connection: psycopg.Connection[Any], load: Load, outcome: Outcome) -> None:
    """Each confirmed record has one place in the tree."""
    wanted = [record for _, record in load.reports.values()]
    wanted += [act.record_id for act in load.acts.values()]
    places = dict(
        connection.execute(
            "SELECT record_id, count(*) FROM county.ledger_position WHERE record_id = ANY (%s)"
            " GROUP BY 1",
            [wanted],
        ).fetchall()
    )
    outcome.confirmed["records"] = len(wanted)
    outcome.missing += [f"record {one}" for one in wanted if one not in places]
    outcome.twice += [f"record {one}" for one, number in places.items() if number > 1]
