"""Every page carries the content security policy, and nothing in it needs an exception."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from huying.cases.actions import Contact
from huying.config.middleware import SecurityHeadersMiddleware
from huying.directory import actions as directory
from huying.directory.models import Account
from huying.directory.permissions import Role
from tests.browser.addresses import ADDRESSES, Address
from tests.browser.site_facts import facts_from
from tests.factories.cases import account, do, make_answered, make_office, make_report
from tests.factories.directory import GRIDS, SYSTEM, VILLAGE, make_staff
from tests.factories.sensing import make_device

pytestmark = pytest.mark.django_db

INLINE = {
    "a style attribute": re.compile(r"""<[^>]*\sstyle\s*=""", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "an event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"""=\s*["']?\s*javascript:""", re.IGNORECASE),
    "a script in the page": re.compile(
        r"""<script\b(?![^>]*\ssrc=)(?![^>]*\stype=["']?(?:application/json|importmap))""",
        re.IGNORECASE,
    ),
}


@pytest.fixture
def known() -> dict[str, Any]:
    """What fills the braces of the addresses."""
    office = make_office()
    received = make_report(text="路灯不亮，晚上看不见路。", category="")
    make_report(by=office.clerk, channel="PHONE")
    done = make_answered(office, contact=Contact(name="王芳", phone="13900000002"))
    do(done.case_id, "close", office.dispatcher)
    make_device(division_code=VILLAGE, grid_code=GRIDS[0])
    directory.set_shifts(
        shifts=[
            directory.NewShift(
                account_id=account(office.officer),
                organisation_id=office.bureau.pk,
                starts_at=timezone.now(),
                ends_at=timezone.now() + timedelta(hours=8),
            )
        ],
        by=SYSTEM,
    )
    with connection.cursor() as cursor:
        found = facts_from(cursor)
    return {
        **found,
        "office": office,
        "receipt": received.receipt,
        "record": received.record_id,
        "case": received.case_id,
        "grid_case": received.case_id,
    }


def _signed_in(client: Client, address: Address, known: dict[str, Any]) -> None:
    office = known["office"]
    if address.shown_to:
        actor = getattr(office, address.shown_to, None) or make_staff(
            Role(address.shown_to.upper()), organisation=office.centre
        )
        client.force_login(Account.objects.get(pk=account(actor)))


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.name)
def test_page(address: Address, client: Client, known: dict[str, Any]) -> None:
    _signed_in(client, address, known)
    answer = client.get(address.path.format(**known))
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    page = answer.content.decode()
    assert "<html" in page
    found = {name: m.group(0)[:200] for name, rule in INLINE.items() if (m := rule.search(page))}
    assert not found


def test_errors_carry_it_too(client: Client) -> None:
    answer = client.get("/no-such-page/")
    assert answer.status_code == 404
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


@override_settings(STREAM_URL="https://live.example:8443")
def test_the_stream_may_be_reached_where_it_is() -> None:
    policy = SecurityHeadersMiddleware(lambda request: None).policy  # type: ignore[arg-type, return-value]  # not called
    assert "connect-src 'self' https://live.example:8443;" in policy
