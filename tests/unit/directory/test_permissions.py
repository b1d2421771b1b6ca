from pathlib import Path

import pytest

from huying.directory.permissions import (
    PERMISSION_LABELS,
    ROLE_HOMES,
    ROLE_LABELS,
    ROLE_PERMISSIONS,
    SCOPE_PERMISSIONS,
    SEPARATED_ADMINISTRATORS,
    Actor,
    NotAllowed,
    Permission,
    PostScope,
    Role,
    actor_from_posts,
    permissions_markdown,
)


def test_the_document_is_current() -> None:
    document = Path(__file__).resolve().parents[3] / "docs" / "permissions.md"
    assert document.read_text(encoding="utf-8") == permissions_markdown()


def test_everything_is_named_and_used() -> None:
    assert set(PERMISSION_LABELS) == set(Permission)
    assert set(ROLE_LABELS) == set(ROLE_PERMISSIONS) == set(ROLE_HOMES) == set(Role)
    assert frozenset().union(*ROLE_PERMISSIONS.values()) == set(Permission)


def test_administrators_share_no_power_to_change() -> None:
    """GB/T 22239: what one administrator changes, another cannot."""
    looks = {
        Permission.HEALTH_VIEW,
        Permission.SENSING_VIEW,
        Permission.CASE_VIEW_ALL,
        Permission.INDICATOR_VIEW,
        Permission.LEDGER_AUDIT,
    }
    admins = sorted(SEPARATED_ADMINISTRATORS)
    for one in admins:
        for other in admins:
            if one != other:
                assert (ROLE_PERMISSIONS[one] & ROLE_PERMISSIONS[other]) <= looks
    assert ROLE_PERMISSIONS[Role.AUDITOR] <= looks


def test_nobody_without_a_post_may_do_anything() -> None:
    for actor in (Actor.resident(), Actor.device("MN1"), actor_from_posts(1, "张", [])):
        assert not any(actor.may(permission) for permission in Permission)


def test_a_refusal_names_the_permission_in_both_languages() -> None:
    with pytest.raises(NotAllowed) as refused:
        Actor.resident().require(Permission.CASE_DISPATCH)
    assert "派单" in refused.value.zh
    assert "CASE_DISPATCH" in refused.value.en
    assert refused.value.status == 403


def test_a_permission_holds_where_its_post_is() -> None:
    actor = actor_from_posts(
        7,
        "李",
        [
            PostScope(Role.DISPATCHER, 1, "990101001"),
            PostScope(Role.OFFICER, 2, "990101002"),
            PostScope(Role.GRID_WORKER, 3, "990101003001", "990101003001001"),
        ],
    )
    assert actor.divisions_with(Permission.CASE_DISPATCH) == {"990101001"}
    assert actor.organisations_with(Permission.CASE_VIEW_OWN_UNIT) == {2}
    assert actor.grids_with(Permission.CASE_VIEW_OWN_GRID) == {"990101003001001"}
    assert actor.divisions_with(Permission.LEDGER_AUDIT) == frozenset()
    assert actor.covers("990101002005")
    assert not actor.covers("990101004000")


def test_a_client_has_the_permissions_of_its_scopes() -> None:
    client = Actor.client(3, "热线", frozenset({"reports:write"}), "990101")
    assert client.may(Permission.REPORT_RECORD)
    assert not client.may(Permission.CASE_VIEW_ALL)
    assert client.divisions_with(Permission.REPORT_RECORD) == {"990101"}
    assert "observations:write" in SCOPE_PERMISSIONS
