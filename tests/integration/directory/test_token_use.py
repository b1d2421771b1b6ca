"""The use of a token is noted now and then, not with each call."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from huying.directory.models import ApiToken
from tests.factories.directory import make_token

pytestmark = pytest.mark.django_db


def test_the_first_of_many_calls_notes_the_use(client: Client) -> None:
    headers = {"Authorization": f"Bearer {make_token('cases:read')}"}
    with CaptureQueriesContext(connection) as captured:
        for _ in range(3):
            assert client.get("/api/v1/cases", headers=headers).status_code == 200
    notes = [q["sql"] for q in captured.captured_queries if q["sql"].startswith("UPDATE")]
    assert len(notes) == 1
    assert ApiToken.objects.get().last_used_at is not None
