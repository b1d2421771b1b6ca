"""The first two people of a new county, who bring in everybody and everything else.

And the way back in for one of them: whoever runs commands on the server may open an account
again, and the ledger says so.
"""

import secrets
from dataclasses import dataclass

from django.db import transaction

from huying.directory import actions, queries
from huying.directory.models import Account
from huying.directory.permissions import Actor, DomainError, Role

BEGINNING = Actor.system("beginning")
OPERATOR = Actor.system("operator")
CENTRE_CODE = "CENTRE"


class BegunAlready(DomainError):
    """The county has its division, and so its first people."""

    code = "BEGUN_ALREADY"
    status = 409


class NoSuchAccount(DomainError):
    """Nobody has this user name."""

    code = "NO_SUCH_ACCOUNT"
    status = 404


@dataclass(frozen=True, slots=True)
class FirstPerson:
    """An account with a password that is changed at the first sign-in."""

    role: Role
    username: str
    password: str


def begin(*, code: str, name: str) -> tuple[FirstPerson, FirstPerson]:
    """Enter the county, its governance centre, and one system and one security administrator.

    Two people, because neither may do the other's work (GB/T 22239-2019, 8.1.5). Raises
    `BegunAlready`, and what the directory's actions raise.
    """
    if queries.county() is not None:
        raise BegunAlready(
            zh="这个县已经启用。新账号由安全管理员在“账号”里添加",
            en="This county has begun; the security administrator adds further accounts",
        )
    first = tuple(
        FirstPerson(role, role.lower(), _password())
        for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN)
    )
    with transaction.atomic():
        county = actions.NewDivision(code=code, name=name)
        actions.import_divisions(divisions=[county], by=BEGINNING)
        centre = actions.NewOrganisation(
            code=CENTRE_CODE, name=f"{name}综治中心", kind="CENTRE", division_code=code
        )
        actions.import_organisations(organisations=[centre], by=BEGINNING)
        unit = next(iter(queries.organisations(kind="CENTRE")))
        for person in first:
            account_id = actions.create_account(
                username=person.username,
                name=person.role.label,
                password=person.password,
                by=BEGINNING,
            )
            actions.grant_post(
                post=actions.NewPost(
                    account_id=account_id, organisation_id=unit.id, role=person.role
                ),
                by=BEGINNING,
            )
    return first[0], first[1]


def _password() -> str:
    # Lower, upper case and a mark: what the password rules ask for.
    return f"Hy-{secrets.token_urlsafe(12)}"


def let_in(*, username: str) -> str:
    """A new password for one sign-in; lock and second factor are taken off.

    Raises `NoSuchAccount`.
    """
    account = Account.objects.filter(username=username.strip().lower()).first()
    if account is None:
        raise NoSuchAccount(zh=f"没有用户名“{username}”", en=f"Nobody has the user name {username}")
    password = _password()
    with transaction.atomic():
        actions.set_password(account_id=account.pk, password=password, by=OPERATOR)
        actions.unlock_account(account_id=account.pk, by=OPERATOR)
        if account.has_second_factor:
            actions.reset_second_factor(account_id=account.pk, by=OPERATOR)
    return password
