"""A past that is imported leaves the same rows as the same acts done one by one."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.db import connection

from huying.cases import actions, queries
from huying.cases.actions import PastCase, PastReport, PastStep
from huying.config.provision import provision
from huying.directory import queries as directory
from huying.directory.permissions import Actor
from huying.ledger import queries as ledger
from huying.simulation.building import places
from huying.simulation.fiction import land, offices
from huying.simulation.fiction.sizes import Size

pytestmark = pytest.mark.django_db

BEGIN = dt.datetime(2026, 3, 3, 1, 30, tzinfo=dt.UTC)  # a Tuesday, 09:30 in Beijing
RESIDENT = Actor.resident()
_OWN = {"id", "receipt", "record_id", "case_id", "report_id", "number", "idempotency_key"}
_OWN |= {"request_digest", "joined_report_id", "pending", "earlier", "words"}


@pytest.fixture
def staff(transactional_db: None) -> places.Staff:
    provision()
    rng = np.random.default_rng(1)
    county = land.build(Size.of(600), rng)
    by = Actor.system("tests")
    places.build_places(county, by)
    found = places.build_staff(
        offices.offices(county, rng), offices.workers(county, rng), BEGIN.date(), by
    )
    actions.set_responsibilities(
        rules=[
            actions.NewResponsibility(category="NOISE", organisation_id=found.office_ids["ECOLOGY"])
        ],
        by=by,
    )
    return found


def _after(**lapse: float) -> dt.datetime:
    return BEGIN + dt.timedelta(**lapse)


def _long_life(staff: places.Staff) -> PastCase:
    """Joined, returned, extended, answered late, rejected, rated badly, remedied, closed."""
    grid = directory.grids()[0]
    people = {
        name: directory.actor_for(staff.of(role, office)[0])
        for name, role, office in (
            ("dispatcher", "DISPATCHER", offices.CENTRE),
            ("clerk", "INTAKE_CLERK", offices.CENTRE),
            ("officer", "OFFICER", "HOUSING"),
            ("wrong", "OFFICER", "URBAN"),
            ("head", "UNIT_HEAD", "HOUSING"),
            ("leader", "LEADER", ""),
        )
    }
    worker = directory.actor_for(staff.grid_worker(grid.code))
    answer = {"reply": "已修好，请您再看看。", "outcome": "SOLVED"}
    again = PastReport(text="我家也是这样。", channel="WEB", by=RESIDENT)
    return PastCase(
        procedure="residents_report",
        at=BEGIN,
        by=RESIDENT,
        title="路面坑坑洼洼",
        lon=grid.center_lon,
        lat=grid.center_lat,
        place_text="人民路",
        grid_code=grid.code,
        division_code=grid.division_code,
        kind="HELP",
        report=PastReport(text="人民路的路面坏了，昨天有人骑车摔了。", channel="WEB", by=RESIDENT),
        steps=[
            PastStep(
                at=_after(hours=30),  # past the clock of dispatching
                action="dispatch",
                by=people["dispatcher"],
                data={"unit": staff.office_ids["URBAN"], "category": "ROAD_DAMAGE"},
            ),
            PastStep(at=_after(hours=31), action=actions.JOIN, by=RESIDENT, report=again),
            PastStep(
                at=_after(hours=32),
                action="return",
                by=people["wrong"],
                data={"article": "权责清单", "reason": "道路养护归住建局"},
            ),
            PastStep(
                at=_after(hours=49),
                action="dispatch",
                by=people["dispatcher"],
                data={"unit": staff.office_ids["HOUSING"]},
            ),
            PastStep(at=_after(hours=54), action="take", by=people["officer"]),
            PastStep(at=_after(hours=55), action="contact", by=people["officer"], note="已联系"),
            PastStep(at=_after(days=8), action="extend", by=people["officer"], note="等材料"),
            PastStep(at=_after(days=8, hours=2), action="approve_extend", by=people["head"]),
            PastStep(at=_after(days=20), action="supervise", by=people["leader"], note="请抓紧"),
            PastStep(at=_after(days=27), action="answer", by=people["officer"], data=answer),
            PastStep(at=_after(days=28), action="reject", by=worker, note="还没有修"),
            PastStep(at=_after(days=29), action="answer", by=people["officer"], data=answer),
            PastStep(at=_after(days=30), action="verify", by=worker, note="修好了"),
            PastStep(
                at=_after(days=31),
                action=actions.RATE,
                by=RESIDENT,
                rating="DISSATISFIED",
                comment="又坏了",
                of=0,
            ),
            PastStep(
                at=_after(days=32), action="call_back", by=people["clerk"], note="已记录", of=0
            ),
            PastStep(
                at=_after(days=32, hours=1), action="reopen", by=people["dispatcher"], note="重修"
            ),
            PastStep(at=_after(days=33), action="take", by=people["officer"]),
            PastStep(at=_after(days=35), action="answer", by=people["officer"], data=answer),
            PastStep(at=_after(days=36), action="close", by=people["dispatcher"]),
        ],
    )


def _forgotten(staff: places.Staff) -> PastCase:
    """Dispatched by rule and never looked at again: every clock runs out."""
    return replace(_long_life(staff), category="NOISE", title="工地太吵", kind="", steps=[])


def _answered_and_left(staff: places.Staff) -> PastCase:
    """Answered, never rated: its clock closes it."""
    officer = directory.actor_for(staff.of("OFFICER", "ECOLOGY")[0])
    steps = [
        PastStep(at=_after(hours=2), action="take", by=officer),
        PastStep(
            at=_after(hours=5),
            action="answer",
            by=officer,
            data={"reply": "已停工。", "outcome": "SOLVED"},
        ),
        PastStep(
            at=_after(days=40),
            action=actions.RATE,
            by=RESIDENT,
            rating="VERY_SATISFIED",
            comment="",
            of=0,
        ),
    ]
    return replace(_forgotten(staff), steps=steps)


def _live(case: PastCase, until: dt.datetime) -> int:
    """The same through the daily actions, the clock job running whenever a clock asks for it."""
    assert case.report is not None
    received = actions.receive_report(
        by=case.by,
        text=case.report.text,
        channel=case.report.channel,
        category=case.category,
        kind=case.kind,
        title=case.title,
        place_text=case.place_text,
        lon=case.lon,
        lat=case.lat,
        discovered_at=case.at,
        now=case.at,
    )
    receipts = [received.receipt]
    report_ids = [received.report_id]
    for step in case.steps:
        _let_clocks_run(received.case_id, step.at)
        if step.action == actions.JOIN and step.report is not None:
            joined = actions.join_report(
                by=step.by, case_id=received.case_id, text=step.report.text, now=step.at
            )
            receipts.append(joined.receipt)
            report_ids.append(joined.report_id)
        elif step.action == actions.RATE:
            actions.rate(
                receipt=receipts[step.of or 0],
                rating=step.rating,
                comment=step.comment,
                by=step.by,
                now=step.at,
            )
        else:
            actions.act(
                case_id=received.case_id,
                action=step.action,
                by=step.by,
                note=step.note,
                data=step.data,
                report_id=None if step.of is None else report_ids[step.of],
                now=step.at,
            )
    _let_clocks_run(received.case_id, until)
    return received.case_id


def _let_clocks_run(case_id: int, until: dt.datetime) -> None:
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT min(at) FROM (SELECT due_at AS at FROM cases_clock WHERE case_id = %s"
                " AND stopped_at IS NULL AND paused_at IS NULL AND escalated_at IS NULL"
                " UNION ALL SELECT warn_at FROM cases_clock WHERE case_id = %s"
                " AND stopped_at IS NULL AND paused_at IS NULL AND warned_at IS NULL) AS asks"
                " WHERE at <= %s",
                [case_id, case_id, until],
            )
            (at,) = cursor.fetchone()
        if at is None:
            return
        actions.run_clocks(now=at)


def _table(label: str, case_id: int, order: tuple[str, ...]) -> list[dict[str, Any]]:
    key = "id" if label == "Case" else "case_id"
    rows = apps.get_model("cases", label).objects.filter(**{key: case_id}).order_by(*order).values()
    return [{k: v for k, v in row.items() if k not in _OWN} for row in rows]


def _everything(case_id: int) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT words::text FROM cases_casewords WHERE case_id = %s", [case_id])
        (words,) = cursor.fetchone()
    records = []
    for row in ledger.records_of(f"case:{case_id}"):
        body = {k: v for k, v in row.body.items() if k not in {"number", "report"}}
        records.append((row.kind, row.by, row.at, body))
    return {
        "case": _table("Case", case_id, ("id",)),
        "reports": _table("Report", case_id, ("id",)),
        "acts": _table("Act", case_id, ("seq",)),
        "clocks": _table("Clock", case_id, ("started_at", "name", "report_id")),
        "words": words,
        "records": records,
    }


def _tallies() -> dict[tuple[Any, ...], int]:
    rows = apps.get_model("cases", "CaseTally").objects.values_list(
        "measure",
        "day",
        "procedure",
        "state",
        "organisation_id",
        "division_code",
        "grid_code",
        "category",
        "count",
    )
    sums: dict[tuple[Any, ...], int] = {}
    for *key, count in rows:
        sums[tuple(key)] = sums.get(tuple(key), 0) + count
    return {key: count for key, count in sums.items() if count}


@pytest.mark.parametrize("make", [_long_life, _forgotten, _answered_and_left])
def test_importing_equals_acting(staff: places.Staff, make: Any) -> None:
    past, until = make(staff), _after(days=60)
    (imported,) = actions.import_history(cases=[past], until=until, by=Actor.system("tests"))
    counted = _tallies()
    apps.get_model("cases", "CaseTally").objects.all().delete()

    lived = _live(past, until)

    one, other = _everything(imported.case_id), _everything(lived)
    for table in one:
        for row, other_row in zip(one[table], other[table], strict=True):
            assert row == other_row, table
    assert counted == _tallies()
    assert queries.replay_state(imported.case_id) == imported.state


def test_what_could_not_have_happened_is_refused_whole(staff: places.Staff) -> None:
    good = _forgotten(staff)
    officer = directory.actor_for(staff.of("OFFICER", "POLICE")[0])
    bad = replace(good, steps=[PastStep(at=_after(hours=1), action="take", by=officer)])
    with pytest.raises(actions.ActionNotOffered):
        actions.import_history(cases=[good, bad], until=_after(days=1), by=Actor.system("tests"))
    assert not apps.get_model("cases", "Case").objects.exists()


def test_a_step_that_need_not_be_there_is_left_out(staff: places.Staff) -> None:
    close = PastStep(
        at=_after(days=45),
        action="close",
        by=directory.actor_for(staff.of("DISPATCHER", offices.CENTRE)[0]),
        where_offered=True,
    )
    past = _answered_and_left(staff)
    past = replace(past, steps=[*past.steps, close])
    (imported,) = actions.import_history(
        cases=[past], until=_after(days=60), by=Actor.system("tests")
    )
    acts = apps.get_model("cases", "Act").objects.filter(case_id=imported.case_id)
    assert acts.filter(action="close").count() == 1


def test_it_takes_the_right_to_manage_the_directory(staff: places.Staff) -> None:
    from huying.directory.permissions import NotAllowed

    with pytest.raises(NotAllowed):
        actions.import_history(cases=[], until=BEGIN, by=RESIDENT)
