"""A county of two townships and two bureaus, and one matter of each kind of neighbour.

What a matter leaves behind is marked, so that a test can ask any answer whose matters it shows.
"""

from dataclasses import dataclass, fields
from datetime import timedelta

from django.utils import timezone

from huying.cases import queries
from huying.cases.actions import Contact
from huying.cases.models import Act, Attachment, Case, Report
from huying.directory import actions as directory
from huying.directory.models import Organisation
from huying.directory.permissions import Actor, Role
from tests.factories.cases import do, make_photo, make_report
from tests.factories.directory import (
    GRIDS,
    SYSTEM,
    TOWNSHIP,
    VILLAGE,
    make_organisation,
    make_places,
    make_staff,
    square,
)
from tests.factories.sensing import make_device

OTHER_TOWNSHIP = "990101002000"
FAR_VILLAGE = "990101002001"
FAR_GRID = "990101002001001"
CATEGORY = "GARBAGE"


@dataclass(frozen=True)
class Matter:
    """A case with its report, photographs, reporter and the device that stands next to it."""

    case_id: int
    number: str
    report_id: int
    receipt: str
    attachment_id: int  # of the report
    proof_id: int  # of an act
    person_id: int
    mn: str
    word: str  # in its title, text, place and device's name, and nowhere else
    phone: str
    grid: str
    division: str

    @property
    def marks(self) -> tuple[str, ...]:
        """What gives the matter away wherever it appears."""
        return self.number, self.word, self.receipt, self.phone


@dataclass(frozen=True)
class County:
    """The bureau and the township are the actors' own."""

    bureau: Organisation
    own: Matter  # of the own township, grid and bureau
    other_unit: Matter  # of the own township, another grid, another bureau
    other_place: Matter  # of another township, another bureau

    @property
    def matters(self) -> dict[str, Matter]:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: one for name, one in found.items() if isinstance(one, Matter)}


def make_county() -> County:
    make_places()
    directory.import_divisions(
        divisions=[
            directory.NewDivision(code=OTHER_TOWNSHIP, name="石桥镇"),
            directory.NewDivision(code=FAR_VILLAGE, name="上坝村"),
        ],
        by=SYSTEM,
    )
    directory.import_grids(
        grids=[directory.NewGrid(code=FAR_GRID, name="上坝第一网格", boundary=square(117.2, 39.2))],
        by=SYSTEM,
    )
    queries.forget_caches()
    bureau, other = make_organisation(name="住建局"), make_organisation(name="水务局")
    return County(
        bureau,
        _matter("槐荫里", bureau, GRIDS[0], VILLAGE, (117.005, 39.005), "13900000011"),
        _matter("杏花弄", other, GRIDS[1], VILLAGE, (117.015, 39.005), "13900000022"),
        _matter("枫林渡", other, FAR_GRID, FAR_VILLAGE, (117.205, 39.205), "13900000033"),
    )


def _matter(
    word: str,
    unit: Organisation,
    grid: str,
    division: str,
    place: tuple[float, float],
    phone: str,
) -> Matter:
    lon, lat = place
    given = make_report(
        text=f"{word}的垃圾没人清运",
        title=f"{word}垃圾",
        place_text=f"{word}路口",
        lon=lon,
        lat=lat,
        contact=Contact(name=f"{word}住户", phone=phone),
        photos=[make_photo()],
    )
    report = Report.objects.get(pk=given.report_id)
    assert report.reporter_id is not None
    head = make_staff(Role.DISPATCHER, name="派单的", organisation=unit)
    officer = make_staff(Role.OFFICER, name="承办的", organisation=unit)
    do(given.case_id, "dispatch", head, unit=unit.pk)
    do(given.case_id, "take", officer)
    act = Act.objects.filter(case_id=given.case_id).latest("seq")
    picture = Attachment.objects.get(report=report.pk)
    proof = Attachment.objects.get(pk=picture.pk)
    proof.pk, proof.report_id, proof.act = None, None, act
    proof.save(force_insert=True)
    Case.objects.filter(pk=given.case_id).update(due_at=timezone.now() - timedelta(hours=1))
    device = make_device(name=f"{word}站", division_code=division, grid_code=grid, lon=lon, lat=lat)
    directory.reveal_person(
        person_id=report.reporter_id,
        fields=["phone"],
        matter=f"case:{given.case_id}",
        purpose=f"核实{word}的情况",
        by=head,
    )
    return Matter(
        given.case_id,
        given.case_number,
        given.report_id,
        given.receipt,
        picture.pk,
        proof.pk,
        report.reporter_id,
        device.mn,
        word,
        phone,
        grid,
        division,
    )


@dataclass(frozen=True)
class Seat:
    """Somebody who looks: the post, and the names of the matters and devices in its reach."""

    role: Role
    where: str  # COUNTY, TOWNSHIP, BUREAU or GRID
    cases: frozenset[str]
    devices: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.role.value}-{self.where}".lower()

    def take(self, county: County) -> Actor:
        if self.where == "GRID":
            return make_staff(self.role, grid=GRIDS[0])
        if self.where == "BUREAU":
            return make_staff(self.role, organisation=county.bureau)
        division = TOWNSHIP if self.where == "TOWNSHIP" else None
        return make_staff(self.role, division=division)


_ALL = frozenset({"own", "other_unit", "other_place"})
_TOWN = frozenset({"own", "other_unit"})
_OWN = frozenset({"own"})
_NONE: frozenset[str] = frozenset()
SEATS = (
    *(
        Seat(role, where, reach, devices and reach)
        for role, devices in (
            (Role.DISPATCHER, _ALL),
            (Role.INTAKE_CLERK, _NONE),
            (Role.LEADER, _ALL),
            (Role.AUDITOR, _ALL),
        )
        for where, reach in (("COUNTY", _ALL), ("TOWNSHIP", _TOWN))
    ),
    # A county's bureau works in all of it: its staff see every device, and their own matters.
    Seat(Role.OFFICER, "BUREAU", _OWN, _ALL),
    Seat(Role.UNIT_HEAD, "BUREAU", _OWN, _ALL),
    Seat(Role.GRID_WORKER, "GRID", _OWN, _OWN),
    Seat(Role.SYSTEM_ADMIN, "COUNTY", _NONE, _ALL),
    Seat(Role.SYSTEM_ADMIN, "TOWNSHIP", _NONE, _TOWN),
    Seat(Role.SECURITY_ADMIN, "COUNTY", _NONE, _NONE),
)
