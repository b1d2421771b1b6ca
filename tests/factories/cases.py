"""Reports, cases and the people around them, in the small county of `factories.directory`."""

import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from huying.cases import actions, queries
from huying.cases.actions import Acted, Contact, GivenFile, Opened, Received
from huying.cases.models import Category, ResponsibilityRule
from huying.directory.models import Organisation
from huying.directory.permissions import Actor, Role
from huying.sensing.events import AlertOpened
from tests.factories.directory import GRIDS, make_organisation, make_staff

RESIDENT = Actor.resident()
IN_FIRST_GRID = (117.005, 39.005)
OUTSIDE = (116.0, 30.0)
BETWEEN_GRIDS = (117.005, 39.015)


@dataclass(frozen=True)
class Office:
    """A county's staff, one of each, and two departments."""

    centre: Organisation
    bureau: Organisation
    other_bureau: Organisation
    dispatcher: Actor
    clerk: Actor
    officer: Actor
    head: Actor
    other_officer: Actor
    grid_worker: Actor
    other_grid_worker: Actor
    leader: Actor
    auditor: Actor


def make_office() -> Office:
    """The staff, and a rule: garbage is the bureau's, in the whole county."""
    queries.forget_caches()
    if not Category.objects.exists():
        # A test that commits ends with every table emptied, this one too.
        actions.load_categories()
    centre = make_organisation(name="综治中心", kind="CENTRE")
    bureau = make_organisation(name="住建局")
    other = make_organisation(name="生态环境局")
    office = Office(
        centre=centre,
        bureau=bureau,
        other_bureau=other,
        dispatcher=make_staff(Role.DISPATCHER, name="周调度", organisation=centre),
        clerk=make_staff(Role.INTAKE_CLERK, name="吴受理", organisation=centre),
        officer=make_staff(Role.OFFICER, name="郑经办", organisation=bureau),
        head=make_staff(Role.UNIT_HEAD, name="王局长", organisation=bureau),
        other_officer=make_staff(Role.OFFICER, name="冯经办", organisation=other),
        grid_worker=make_staff(Role.GRID_WORKER, name="陈网格", grid=GRIDS[0]),
        other_grid_worker=make_staff(Role.GRID_WORKER, name="褚网格", grid=GRIDS[1]),
        leader=make_staff(Role.LEADER, name="卫县长", organisation=centre),
        auditor=make_staff(Role.AUDITOR, name="蒋审计", organisation=centre),
    )
    make_rule("GARBAGE", bureau)
    make_rule("ALERT", other)
    return office


def account(actor: Actor) -> int:
    """The account behind a member of staff."""
    assert actor.account_id is not None
    return actor.account_id


def make_rule(category: str, organisation: Organisation, prefix: str = "") -> ResponsibilityRule:
    rule = ResponsibilityRule.objects.create(
        category_id=category, division_prefix=prefix, organisation=organisation
    )
    queries.forget_caches()
    return rule


def make_report(**changes: Any) -> Received:
    """A resident's report of garbage in the first grid; dispatched by rule if there is one."""
    lon, lat = IN_FIRST_GRID
    given: dict[str, Any] = {
        "by": RESIDENT,
        "text": "小区门口垃圾堆了三天没人清运。天热味道很大。",
        "category": "GARBAGE",
        "place_text": "东门社区南门",
        "lon": lon,
        "lat": lat,
        "contact": Contact(name="李梅", phone="13900000001"),
    }
    return actions.receive_report(**(given | changes))


def make_alert_case(**changes: Any) -> Opened:
    """An environmental alert in the first grid, led by whoever answers for alerts."""
    lon, lat = IN_FIRST_GRID
    given: dict[str, Any] = {
        "by": Actor.system("sensing"),
        "procedure": "environmental_alert",
        "title": "东门站 PM2.5 达到预警值",
        "category": "ALERT",
        "urgency": "URGENT",
        "lon": lon,
        "lat": lat,
    }
    return actions.open_case(**(given | changes))


def make_alert_event(**changes: Any) -> AlertOpened:
    """What sensing tells when the hourly PM2.5 in the first grid passes its warning value."""
    event = AlertOpened(
        alert_id=41,
        device_id=7,
        device_name="东门站",
        rule_code="PM25_HOURLY",
        rule_name="PM2.5 小时均值达到预警值",
        severity="WARNING",
        property_code="a34004",
        property_name="PM2.5",
        unit="µg/m³",
        value=182.0,
        threshold=150.0,
        opened_at=datetime.now(UTC),
        lon=117.005,
        lat=39.005,
        grid_code="990101001001001",
        division_code="990101001001",
        summary="东门站 PM2.5 小时均值 182 µg/m³，达到预警值 150 µg/m³",
    )
    return replace(event, **changes)


def do(case_id: int, action: str, by: Actor, note: str = "", **data: Any) -> Acted:
    """One act; what is left of the keywords is its data."""
    report_id = data.pop("report_id", None)
    return actions.act(
        case_id=case_id, action=action, by=by, note=note, data=data, report_id=report_id
    )


def make_answered(office: Office, **changes: Any) -> Received:
    """A report dispatched, taken and answered."""
    report = make_report(**changes)
    do(report.case_id, "take", office.officer)
    do(report.case_id, "answer", office.officer, reply="已清运，今后每天两次。", outcome="SOLVED")
    return report


def make_photo(size: tuple[int, int] = (640, 480), *, exif: bool = False) -> GivenFile:
    """A real JPEG; with `exif`, one that says where it was taken."""
    image = Image.new("RGB", size, (90, 120, 60))
    out = io.BytesIO()
    notes = Image.Exif()
    if exif:
        gps = notes.get_ifd(0x8825)
        gps[1], gps[2] = "N", (39.0, 0.0, 18.0)
        gps[3], gps[4] = "E", (117.0, 0.0, 18.0)
        notes[0x010F] = "SecretCamera"
    image.save(out, "JPEG", exif=notes)
    return GivenFile("现场.jpg", out.getvalue())
