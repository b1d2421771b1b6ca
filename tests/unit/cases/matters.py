"""A case and the people around it as the engine sees them, without a database."""

from huying.cases.rules.engine import Facts, ReportFacts
from huying.cases.rules.procedure import START
from huying.cases.rules.vocabulary import ReportState
from huying.directory.permissions import ROLE_PERMISSIONS, Actor, PostScope, Role

COUNTY, DIVISION, GRID = "990101", "990101001001", "990101001001001"
UNIT, OTHER_UNIT, TOWNSHIP_OFFICE, CENTRE = 1, 2, 5, 9


def staff(role: Role, organisation: int, *, number: int = 1, grid: str = "") -> Actor:
    """Somebody with one post in the county, or in one grid."""
    return Actor(
        kind="STAFF",
        ref=f"staff:{number}",
        account_id=number,
        permissions=ROLE_PERMISSIONS[role],
        organisation_ids=frozenset({organisation}),
        divisions=frozenset({COUNTY}),
        grids=frozenset({grid} if grid else ()),
        posts=(PostScope(role, organisation, COUNTY, grid),),
    )


def fresh(state: str = START, lead: int | None = None) -> Facts:
    """A case of one report that nothing has happened to."""
    return Facts(
        id=1,
        number="2026-000001",
        state=state,
        version=0,
        kind="HELP",
        category="GARBAGE",
        urgency="NORMAL",
        title="垃圾",
        place_text="",
        lead_organisation_id=lead,
        officer_id=None,
        grid_code=GRID,
        division_code=DIVISION,
        reports=(ReportFacts(7, ReportState.RECEIVED.value),),
    )
