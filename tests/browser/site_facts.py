"""What fills the braces of an address: real numbers out of a running site's database."""

from typing import Any

import psycopg

from tests.browser.cases.phones import alert_task
from tests.browser.site import Site

_FACTS = {
    # Of the office whose officer the demonstration signs in, so that most roles see it.
    "case": "SELECT c.id FROM cases_case c WHERE c.closed_at IS NULL"
    " ORDER BY c.lead_organisation_id = (SELECT organisation_id FROM directory_post"
    " WHERE role = 'OFFICER' ORDER BY account_id LIMIT 1) DESC NULLS LAST, c.id DESC LIMIT 1",
    "receipt": "SELECT r.receipt FROM cases_report r JOIN cases_case c ON c.id = r.case_id"
    " WHERE r.replied_at IS NOT NULL ORDER BY r.id DESC LIMIT 1",
    "open_receipt": "SELECT r.receipt FROM cases_report r JOIN cases_case c ON c.id = r.case_id"
    " WHERE r.replied_at IS NULL AND c.closed_at IS NULL ORDER BY r.id DESC LIMIT 1",
    "record": "SELECT min(record_id) FROM ledger_position",
    "device": "SELECT mn FROM sensing_device WHERE kind = 'AIR' ORDER BY id LIMIT 1",
    "property": "SELECT code FROM sensing_property ORDER BY id LIMIT 1",
    "taken_down": "SELECT receipt FROM cases_report WHERE recorded_by_id IS NOT NULL"
    " ORDER BY id DESC LIMIT 1",
    "division": "SELECT code FROM directory_division ORDER BY code LIMIT 1",
    "grid": "SELECT code FROM directory_grid ORDER BY code LIMIT 1",
    "organisation": "SELECT id FROM directory_organisation ORDER BY id LIMIT 1",
    "responsibilityrule": "SELECT id FROM cases_responsibilityrule ORDER BY id LIMIT 1",
    "dutyshift": "SELECT id FROM directory_dutyshift ORDER BY id LIMIT 1",
    "account": "SELECT id FROM directory_account ORDER BY id LIMIT 1",
    "post": "SELECT id FROM directory_post ORDER BY id LIMIT 1",
    "rule": "SELECT code FROM sensing_alertrule ORDER BY id LIMIT 1",
    "person": "SELECT r.reporter_id FROM cases_report r WHERE r.reporter_id IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM cases_report o JOIN cases_case c ON c.id = o.case_id"
    " WHERE o.reporter_id = r.reporter_id AND c.closed_at IS NULL) ORDER BY r.id DESC LIMIT 1",
    "procedure": "SELECT name FROM cases_procedureversion"
    " WHERE name = 'environmental_alert' LIMIT 1",
    # The first grid worker is whom the demonstration signs in.
    "grid_case": "SELECT c.id FROM cases_case c JOIN directory_post p ON p.grid_id = c.grid_code"
    " WHERE p.role = 'GRID_WORKER' AND p.account_id = (SELECT min(account_id)"
    " FROM directory_post WHERE role = 'GRID_WORKER')"
    " ORDER BY c.closed_at IS NULL DESC, c.procedure = 'environmental_alert' DESC, c.id DESC"
    " LIMIT 1",
}


def facts(database_url: str, schema: str = "county") -> dict[str, str]:
    """One value a name; a name whose table holds nothing is left out."""
    with psycopg.connect(database_url, options=f"-c search_path={schema}") as connection:
        return facts_from(connection.cursor())


def facts_from(cursor: Any) -> dict[str, str]:
    """As `facts`, asked through a cursor of psycopg or Django."""
    found = {}
    for name, statement in _FACTS.items():
        cursor.execute(statement)
        row = cursor.fetchone()
        if row is not None and row[0] is not None:
            found[name] = str(row[0])
    return found


def ready_facts(site: Site) -> dict[str, str]:
    """The facts of a site just built, where its grid worker has something to do."""
    alert_task(site, "城关站 PM2.5 达到预警值")
    return facts(site.database_url)
