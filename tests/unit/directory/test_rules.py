from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from huying.directory.rules.clients import client_named
from huying.directory.rules.geometry import BoundaryRefused, TableRefused, boundary, read_features
from huying.directory.rules.imports import read_divisions, read_grids, read_organisations
from huying.directory.rules.masks import MASKS, mask_address
from huying.directory.rules.signing_in import SignInRules
from huying.standards.errors import InvalidInput

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@given(st.text(alphabet="0123456789", min_size=11, max_size=11))
def test_a_masked_phone_keeps_its_middle_to_itself(phone: str) -> None:
    assert MASKS["phone"](phone) == f"{phone[:3]}****{phone[-4:]}"


@given(st.text(max_size=40), st.sampled_from(["id_number", "phone"]))
def test_masks_take_anything_and_hide_some_of_it(value: str, field: str) -> None:
    shown = MASKS[field](value)
    assert len(value) < 3 or shown != value or set(value) == {"*"} or "*" in value


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("清和县城关镇东门社区3号楼2单元501", "清和县城关镇****"),
        ("建设路12号", "建设路****"),
        ("501室", "****"),
        ("", ""),
    ],
)
def test_an_address_is_cut_where_it_becomes_a_home(address: str, shown: str) -> None:
    assert mask_address(address) == shown


def test_accounts_lock_after_the_last_allowed_failure() -> None:
    rules = SignInRules(max_failures=5, lock_minutes=15)
    assert rules.lock_until(4, NOW) is None
    assert rules.lock_until(5, NOW) == NOW + timedelta(minutes=15)


def test_passwords_age_unless_told_otherwise() -> None:
    assert SignInRules().password_too_old(NOW - timedelta(days=181), NOW)
    assert not SignInRules().password_too_old(NOW - timedelta(days=179), NOW)
    assert not SignInRules(password_max_age_days=0).password_too_old(NOW - timedelta(999), NOW)


def test_a_second_factor_is_owed_by_the_named_roles() -> None:
    rules = SignInRules(second_factor_roles=frozenset({"LEADER"}))
    assert rules.needs_second_factor(frozenset({"OFFICER", "LEADER"}))
    assert not rules.needs_second_factor(frozenset({"OFFICER"}))


lon, lat = st.floats(-180, 180, width=32), st.floats(-90, 90, width=32)


@given(st.lists(st.tuples(lon, lat), min_size=3, max_size=12))
@example([(1.1953125, 0), (1.1953125, 1.1754943508222875e-38), (2, 1)])
@example(
    # GEOS itself gives this one up.
    [
        (5.648905992507935e-18, 0),
        (-1, 1),
        (1, 0),
        (0, 0),
        (0, -1),
        (5.648905992507935e-18, 0),
        (0, 1),
        (0, 0),
        (1, 1),
    ]
)
def test_any_ring_becomes_a_boundary_around_its_middle_or_is_refused(
    ring: list[tuple[float, float]],
) -> None:
    try:
        found = boundary({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})
    except BoundaryRefused:
        return
    assert found.min_lon <= found.center_lon <= found.max_lon
    assert found.min_lat <= found.center_lat <= found.max_lat
    assert found.geojson["type"] in {"Polygon", "MultiPolygon"}


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "text",
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[["a", "b"]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[117, 39], [200, 39], [117, 40], [117, 39]]]},
        {"type": "Polygon", "coordinates": [[[float("nan"), 0], [1, 1], [1, 0], [0, 0]]]},
    ],
)
def test_what_is_no_polygon_is_refused(broken: object) -> None:
    with pytest.raises(BoundaryRefused):
        boundary(broken)


def test_a_table_is_read_by_its_chinese_or_english_headings() -> None:
    chinese = read_organisations(
        "代码,名称,简称,类别,办公时间\nHB,清和县生态环境局,环境局,部门,周一至周五\n"
    )
    english = read_organisations(
        "code,name,short_name,kind,opening_hours\nHB,清和县生态环境局,环境局,DEPARTMENT,周一至周五\n"
    )
    assert chinese == english
    assert read_divisions("\ufeff代码,名称\n990101,清和县\n")[0].boundary is None
    grid = read_grids('编码,名称,边界\n1,甲,"POLYGON((0 0,1 0,1 1,0 0))"\n')[0]
    assert boundary(grid.boundary).max_lon == 1.0


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        features = read_features(text)
    except (TableRefused, InvalidInput):
        return
    assert features


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0",
            "Edge · Windows 电脑",
        ),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/99 MicroMessenger/8.0", "微信 · 安卓手机"),
        ("curl/8", ""),
    ],
)
def test_browsers_are_called_what_their_owner_calls_them(agent: str, name: str) -> None:
    assert client_named(agent) == name
