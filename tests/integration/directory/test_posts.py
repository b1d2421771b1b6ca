from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from huying.directory import actions, queries
from huying.directory.models import Account, Post
from huying.directory.permissions import NotAllowed, Permission, Role
from huying.ledger.models import Record
from tests.factories import directory as make

pytestmark = pytest.mark.django_db


def test_an_actor_is_what_its_current_posts_add_up_to() -> None:
    unit = make.make_organisation(division=make.TOWNSHIP)
    account = make.make_account()
    make.make_post(account, Role.OFFICER, organisation=unit)
    make.make_post(account, Role.UNIT_HEAD, start_date=date(2020, 1, 1), end_date=date(2021, 1, 1))
    make.make_post(account, Role.LEADER, start_date=timezone.localdate() + timedelta(days=1))

    actor = queries.actor_for(account.pk)

    assert actor.roles == {Role.OFFICER}
    assert actor.organisation_ids == {unit.pk}
    assert actor.divisions == {"990101001"}
    assert actor.ref == f"staff:{account.pk}"
    assert not actor.may(Permission.CASE_APPROVE)


def test_the_actor_is_one_query_and_then_kept(django_assert_num_queries: object) -> None:
    actor = make.make_staff(Role.GRID_WORKER)
    assert actor.account_id
    queries.forget_caches()
    with django_assert_num_queries(1):  # type: ignore[operator]  # a fixture
        queries.actor_for(actor.account_id)
        queries.actor_for(actor.account_id)


def test_a_granted_post_counts_at_once_and_an_ended_one_no_more() -> None:
    account = make.make_account()
    assert not queries.actor_for(account.pk).roles
    post = make.make_post(account, Role.DISPATCHER)
    assert queries.actor_for(account.pk).divisions == {"990101"}
    actions.end_post(post_id=post, by=make.SYSTEM)
    assert not queries.actor_for(account.pk).roles
    assert list(
        Record.objects.filter(subject=f"account:{account.pk}")
        .order_by("id")
        .values_list("kind", flat=True)
    ) == ["account.created", "post.granted", "post.ended"]


def test_a_township_dispatcher_covers_the_township_only() -> None:
    unit = make.make_organisation(division=make.TOWNSHIP)
    actor = make.make_staff(Role.DISPATCHER, organisation=unit)
    assert actor.divisions_with(Permission.CASE_VIEW_ALL) == {"990101001"}


SEPARATED = [Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR]


@pytest.mark.parametrize("first", SEPARATED)
@pytest.mark.parametrize("second", SEPARATED)
def test_administrators_are_kept_apart(first: Role, second: Role) -> None:
    account = make.make_account()
    make.make_post(account, first)
    with pytest.raises(actions.PostRefused) as refused:
        make.make_post(account, second)
    assert refused.value.code == "ADMINISTRATORS_KEPT_APART"
    assert Post.objects.filter(account=account).count() == 1


def test_the_database_keeps_them_apart_as_well() -> None:
    account = make.make_account()
    unit = make.make_organisation()
    Post.objects.create(
        account=account, organisation=unit, role="AUDITOR", start_date=date(2026, 1, 1)
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        Post.objects.create(
            account=account, organisation=unit, role="SYSTEM_ADMIN", start_date=date(2027, 1, 1)
        )


def test_one_after_the_other_is_possible_and_other_roles_are_free() -> None:
    account = make.make_account()
    today = timezone.localdate()
    make.make_post(account, Role.AUDITOR, end_date=today, start_date=today - timedelta(days=9))
    make.make_post(account, Role.SYSTEM_ADMIN)
    make.make_post(account, Role.OFFICER)
    make.make_post(account, Role.OFFICER)
    assert Post.objects.filter(account=account).count() == 4


def test_nobody_grants_themselves_and_only_the_security_administrator_grants() -> None:
    unit = make.make_organisation()
    security = make.make_staff(Role.SECURITY_ADMIN)
    assert security.account_id
    own = actions.NewPost(account_id=security.account_id, organisation_id=unit.pk, role=Role.LEADER)
    with pytest.raises(actions.PostRefused, match="自己"):
        actions.grant_post(post=own, by=security)
    for role in Role:
        if role is not Role.SECURITY_ADMIN:
            with pytest.raises(NotAllowed):
                actions.grant_post(post=own, by=make.make_staff(role))


def test_the_last_security_administrator_stays() -> None:
    first = make.make_account()
    post = make.make_post(first, Role.SECURITY_ADMIN)
    with pytest.raises(actions.PostRefused, match="最后一位"):
        actions.end_post(post_id=post, by=make.SYSTEM)
    make.make_staff(Role.SECURITY_ADMIN)
    actions.end_post(post_id=post, by=make.SYSTEM)


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "KING"},
        {"role": "GRID_WORKER"},
        {"end_date": date(2020, 1, 1)},
    ],
)
def test_the_database_refuses_a_wrong_post(changes: dict[str, object]) -> None:
    values = {"role": "OFFICER", "start_date": date(2026, 1, 1), **changes}
    account, unit = make.make_account(), make.make_organisation()
    with pytest.raises(IntegrityError), transaction.atomic():
        Post.objects.create(account=account, organisation=unit, **values)


def test_refusals_are_explained() -> None:
    account = make.make_account()
    with pytest.raises(actions.PostRefused, match="网格"):
        actions.grant_post(
            post=actions.NewPost(
                account_id=account.pk,
                organisation_id=make.make_organisation().pk,
                role=Role.GRID_WORKER,
            ),
            by=make.SYSTEM,
        )


def test_user_names_are_taken_once_whatever_their_case() -> None:
    make.make_account("Zhang.Wei")
    with pytest.raises(actions.AccountRefused, match="已被使用"):
        make.make_account("zhang.wei ")
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.create(username="UPPER", name="张")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short1A!", "太短"),
        ("alllowercaseonly", "至少三种"),
        ("Password123", "太常见"),
        ("Zhangwei12", "太像"),
    ],
)
def test_weak_passwords_are_refused_with_the_rule(password: str, says: str) -> None:
    with pytest.raises(actions.PasswordRefused, match=says) as refused:
        make.make_account("zhangwei", password=password)
    assert refused.value.en.startswith("The password")


def test_many_accounts_in_few_statements(django_assert_max_num_queries: object) -> None:
    accounts = [actions.NewAccount(username=f"w{n}", name=f"网格员{n}") for n in range(200)]
    with django_assert_max_num_queries(6):  # type: ignore[operator]  # a fixture
        ids = actions.create_accounts(accounts=accounts, by=make.SYSTEM)
    assert len(set(ids)) == 200
    with pytest.raises(actions.AccountRefused):
        actions.create_accounts(accounts=accounts[:1], by=make.SYSTEM)


def test_duty_comes_from_the_roster_and_else_from_the_posts() -> None:
    unit = make.make_organisation()
    officer = make.make_staff(Role.OFFICER, organisation=unit)
    head = make.make_staff(Role.UNIT_HEAD, organisation=unit)
    night = make.make_staff(Role.OFFICER, organisation=unit)
    assert officer.account_id
    assert head.account_id
    assert night.account_id
    now = timezone.now()
    assert queries.officers_on_duty(unit.pk, now) == [
        officer.account_id,
        night.account_id,
        head.account_id,
    ]

    actions.set_shifts(
        shifts=[
            actions.NewShift(
                organisation_id=unit.pk,
                account_id=account_id,
                starts_at=now - timedelta(hours=1),
                ends_at=now + timedelta(hours=1),
                rank=rank,
            )
            for account_id, rank in ((head.account_id, 2), (night.account_id, 1))
        ],
        by=make.SYSTEM,
    )

    assert queries.officers_on_duty(unit.pk, now) == [night.account_id, head.account_id]
    assert queries.officers_on_duty(unit.pk, now + timedelta(hours=1)) == [
        officer.account_id,
        night.account_id,
        head.account_id,
    ]
    assert [card.rank for card in queries.duty_roster(now, now + timedelta(minutes=1))] == [1, 2]


def test_grid_workers_and_holders_of_a_role() -> None:
    worker = make.make_staff(Role.GRID_WORKER, grid=make.GRIDS[1])
    gone = make.make_staff(Role.GRID_WORKER, grid=make.GRIDS[1])
    assert gone.account_id
    actions.set_account_active(account_id=gone.account_id, active=False, by=make.SYSTEM)
    assert queries.grid_workers_of(make.GRIDS[1]) == [worker.account_id]
    assert queries.grid_workers_of(make.GRIDS[0]) == []

    county = make.make_staff(Role.DISPATCHER)
    town = make.make_staff(
        Role.DISPATCHER, organisation=make.make_organisation(division=make.TOWNSHIP)
    )
    assert queries.holders_of(Role.DISPATCHER, division_code=make.VILLAGE) == [
        county.account_id,
        town.account_id,
    ]
    assert queries.holders_of(Role.DISPATCHER, division_code="990101002000") == [county.account_id]
