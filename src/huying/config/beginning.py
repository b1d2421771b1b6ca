"""The first two people of a new county, who bring in everybody and everything else."""

import secrets
from dataclasses import dataclass

from django.db import transaction

from huying.directory import actions, queries
from huying.directory.permissions import Actor, DomainError, Role

BEGINNING = Actor.system("beginning")
CENTRE_CODE = "CENTRE"


class BegunAlready(DomainError):
    """The county has its division, and so its first people."""

    code = "BEGUN_ALREADY"
    status = 409


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
        # Lower, upper case and a mark: what the password rules ask for.
        FirstPerson(role, role.lower(), f"Hy-{secrets.token_urlsafe(12)}")
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
