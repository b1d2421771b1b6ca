import orjson
import pytest
from django.db import IntegrityError, transaction
from shapely import Polygon, get_coordinates, unary_union
from shapely.geometry import shape

from huying.directory import actions, queries
from huying.directory.models import Division, Grid
from huying.directory.permissions import NotAllowed, Role
from huying.ledger.models import Record
from tests.factories import directory as make

pytestmark = pytest.mark.django_db


def test_grid_at_finds_the_grid_and_its_surroundings() -> None:
    make.make_places()

    found = queries.grid_at(117.015, 39.005)

    assert found is not None
    assert found.code == make.GRIDS[1]
    assert found.full_name == "城关镇东门社区第2网格"
    assert found.township_code == make.TOWNSHIP


@pytest.mark.parametrize(
    ("lon", "lat"), [(118.0, 39.0), (39.005, 117.005), (500.0, 39.0), (float("nan"), 39.0)]
)
def test_grid_at_outside_is_none(lon: float, lat: float) -> None:
    make.make_places()
    assert queries.grid_at(lon, lat) is None


def test_a_border_point_belongs_to_the_lower_code() -> None:
    make.make_places()
    found = queries.grid_at(117.01, 39.005)
    assert found is not None
    assert found.code == make.GRIDS[0]


def test_a_redrawn_grid_is_seen_at_once() -> None:
    make.make_places()
    assert queries.grid_at(117.5, 39.005) is None
    edition = queries.places_edition()

    actions.import_grids(
        grids=[actions.NewGrid(code=make.GRIDS[0], name="甲", boundary=make.square(117.495, 39.0))],
        by=make.SYSTEM,
    )

    found = queries.grid_at(117.5, 39.005)
    assert found is not None
    assert found.name == "甲"
    assert queries.places_edition() > edition


def test_import_names_every_bad_row_and_imports_none() -> None:
    make.make_places()
    before = Grid.objects.count()

    with pytest.raises(actions.ImportRefused) as refused:
        actions.import_grids(
            grids=[
                actions.NewGrid(code="990101001001003", name="好", boundary=make.square(118, 39)),
                actions.NewGrid(code="99", name="短", boundary=make.square(118, 39)),
                actions.NewGrid(code="990101001001004", name="线", boundary={"type": "LineString"}),
                actions.NewGrid(code="990101001001005", name="反", boundary=make.square(39, 117)),
            ],
            by=make.SYSTEM,
        )

    assert "第 2 条" in refused.value.zh
    assert "第 3 条" in refused.value.zh
    assert "第 4 条" in refused.value.zh
    assert "第 1 条" not in refused.value.zh
    assert Grid.objects.count() == before


def test_overlapping_grids_are_taken_with_a_warning() -> None:
    make.make_places()
    result = actions.import_grids(
        grids=[
            actions.NewGrid(
                code="990101001001009", name="重叠", boundary=make.square(117.005, 39.0)
            )
        ],
        by=make.SYSTEM,
    )
    assert result.count == 1
    assert any("第1网格" in warning for warning in result.warnings)


def test_a_special_grid_may_lie_inside_another() -> None:
    make.make_places()
    result = actions.import_grids(
        grids=[
            actions.NewGrid(
                code="990101001001008",
                name="第一中学",
                kind="SPECIAL",
                boundary=make.square(117.004, 39.004, 0.001),
            )
        ],
        by=make.SYSTEM,
    )
    assert result.warnings == ()


def test_a_self_crossing_outline_is_mended() -> None:
    make.make_places()
    bow_tie = {
        "type": "Polygon",
        "coordinates": [[[118, 39], [118.02, 39.02], [118.02, 39], [118, 39.02], [118, 39]]],
    }
    actions.import_grids(
        grids=[actions.NewGrid(code="990101001001007", name="蝴蝶", boundary=bow_tie)],
        by=make.SYSTEM,
    )
    found = queries.grid_at(118.003, 39.01)
    assert found is not None
    assert found.code == "990101001001007"


def test_orphans_are_refused() -> None:
    make.make_places()
    with pytest.raises(actions.ImportRefused, match="缺少上级区划"):
        actions.import_divisions(
            divisions=[actions.NewDivision(code="990101009001", name="无主村")], by=make.SYSTEM
        )


def test_geojson_follows_the_box_and_the_tolerance() -> None:
    make.make_places()
    whole = orjson.loads(queries.grids_geojson())
    assert [f["id"] for f in whole["features"]] == list(make.GRIDS)
    assert whole["crs"]["properties"]["name"].endswith("4490")

    part = orjson.loads(queries.grids_geojson(bbox=(117.021, 39.0, 117.03, 39.01)))
    assert [f["id"] for f in part["features"]] == [make.GRIDS[2]]
    assert part["features"][0]["properties"]["division_name"] == "柳林村"


def test_simplified_grids_keep_the_borders_they_share() -> None:
    make.make_places()
    west, middle, east = 117.0, 117.0105, 117.02
    # Two grids meet in a bend of the third one's border.
    bend = [
        (117.01, 39.0),
        (117.0102, 39.004),
        (middle, 39.006),
        (117.0102, 39.008),
        (117.01, 39.02),
    ]
    rings = (
        [(west, 39.0), *bend, (west, 39.02)],
        [(east, 39.0), (east, 39.006), *reversed(bend[:3])],
        [(east, 39.006), (east, 39.02), *reversed(bend[2:])],
    )
    boundaries = [
        {"type": "Polygon", "coordinates": [[list(at) for at in (*ring, ring[0])]]}
        for ring in rings
    ]
    actions.import_grids(
        grids=[
            actions.NewGrid(code=code, name="网格", boundary=boundary)
            for code, boundary in zip(make.GRIDS, boundaries, strict=True)
        ],
        by=make.SYSTEM,
    )
    drawn = [
        shape(f["geometry"])
        for f in orjson.loads(queries.grids_geojson(tolerance=0.001))["features"]
    ]
    corners = sum(len(get_coordinates(one)) for one in drawn)
    assert corners < sum(len(ring) + 1 for ring in rings)
    whole = unary_union(drawn)
    assert isinstance(whole, Polygon)
    assert not whole.interiors
    assert whole.area == pytest.approx(sum(one.area for one in drawn), rel=1e-9)


def test_importing_needs_the_permission_and_leaves_a_record() -> None:
    make.make_places()
    clerk = make.make_staff(Role.INTAKE_CLERK)
    with pytest.raises(NotAllowed):
        actions.import_divisions(divisions=[], by=clerk)
    assert Record.objects.filter(kind="grid.imported", actor="system:tests").exists()


def test_a_failing_record_undoes_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    make.make_places()

    def fail(**_: object) -> int:
        raise RuntimeError

    monkeypatch.setattr("huying.directory.actions.places.record", fail)
    with pytest.raises(RuntimeError), transaction.atomic():
        actions.import_divisions(
            divisions=[actions.NewDivision(code="990101002000", name="北镇")], by=make.SYSTEM
        )
    assert not Division.objects.filter(pk="990101002000").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "99010100100100X"},
        {"code": "990101001201009"},
        {"min_lon": 120.0},
    ],
)
def test_the_database_refuses_a_wrong_grid(changes: dict[str, object]) -> None:
    make.make_places()
    row = Grid.objects.get(pk=make.GRIDS[0])
    for name, value in {"code": "990101001001009", **changes}.items():
        setattr(row, name, value)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_organisations_come_in_with_their_parents() -> None:
    make.make_places()
    actions.import_organisations(
        organisations=[
            actions.NewOrganisation(code="B", name="下属中心", kind="CENTRE", parent_code="A"),
            actions.NewOrganisation(
                code="A",
                name="清和县住房和城乡建设局",
                short_name="住建局",
                opening_hours="周一至周五 8:30—17:30",
            ),
        ],
        by=make.SYSTEM,
    )
    by_code = {o.code: o for o in queries.organisations()}
    assert by_code["B"].parent_id == by_code["A"].id
    assert by_code["A"].short_name == "住建局"
    assert by_code["A"].opening_hours == "周一至周五 8:30—17:30"
    with pytest.raises(actions.ImportRefused, match="找不到上级单位"):
        actions.import_organisations(
            organisations=[actions.NewOrganisation(code="C", name="丙", parent_code="Z")],
            by=make.SYSTEM,
        )
