"""/api/v1/notices for the signed-in."""

import orjson
import pytest
from django.test import Client

from huying.directory.models import Account
from huying.notices import queries
from tests.factories.notices import make_reader, tell
from tests.integration.notices.test_channels import subscription

pytestmark = pytest.mark.django_db
BASE = "/api/v1/notices"
PUSH = "https://fcm.googleapis.com/fcm/send/abc"


@pytest.fixture
def reader() -> Account:
    return make_reader()


@pytest.fixture
def api(reader: Account) -> Client:
    client = Client()
    client.force_login(reader)
    return client


def test_the_inbox_as_json(api: Client, reader: Account) -> None:
    first, second = tell(reader)[0], tell(reader, urgency="URGENT")[0]
    page = api.get(BASE, {"limit": 1}).json()
    assert [notice["id"] for notice in page["notices"]] == [second]
    assert (page["next_before"], page["unread"]) == (second, 2)
    assert page["notices"][0]["urgency"] == "URGENT"
    page = api.get(BASE, {"before": second}).json()
    assert [notice["id"] for notice in page["notices"]] == [first]
    assert page["next_before"] is None


def test_marking_read(api: Client, reader: Account) -> None:
    first, second, third = (tell(reader)[0] for _ in range(3))
    answer = api.post(f"{BASE}/read", {"ids": [first]}, content_type="application/json")
    assert answer.json() == {"marked": 1, "unread": 2}
    answer = api.post(f"{BASE}/read-all", {"up_to": second}, content_type="application/json")
    assert answer.json() == {"marked": 1, "unread": 1}
    page = api.get(BASE, {"unread": True}).json()
    assert [notice["id"] for notice in page["notices"]] == [third]


def test_a_browser_subscribes_and_leaves(api: Client, reader: Account) -> None:
    assert len(Client().get(f"{BASE}/push-key").json()["public_key"]) == 87
    given = orjson.loads(subscription(PUSH)) | {"expirationTime": None}
    agent = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Mobile MicroMessenger/8"}
    answer = api.post(f"{BASE}/push", given, content_type="application/json", headers=agent)
    assert answer.status_code == 201
    [row] = queries.addresses(account_id=reader.pk)
    assert (row.id, row.channel, row.name) == (answer.json()["id"], "WEB_PUSH", "微信")
    for removed in (True, False):
        answer = api.post(
            f"{BASE}/push/remove", {"endpoint": PUSH}, content_type="application/json"
        )
        assert answer.json() == {"removed": removed}


def test_a_push_service_not_on_the_list_is_refused(api: Client) -> None:
    given = orjson.loads(subscription("https://10.0.0.1/x"))
    answer = api.post(f"{BASE}/push", given, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "ADDRESS_REFUSED")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", "/read"), ("POST", "/read-all"), ("POST", "/push"),
     ("POST", "/push/remove")],
)  # fmt: skip
def test_without_a_session_there_is_no_inbox(client: Client, method: str, path: str) -> None:
    answer = client.generic(method, BASE + path, b"{}", content_type="application/json")
    assert answer.status_code == 401


def test_a_write_needs_the_page_s_token(reader: Account) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(reader)
    answer = client.post(f"{BASE}/read", {"ids": [1]}, content_type="application/json")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [("/read", {"ids": [0]}), ("/read", {"ids": [2**63]}), ("/read", {"ids": list(range(1, 502))}),
     ("/read-all", {}), ("/push", {"endpoint": "x"})],
)  # fmt: skip
def test_what_makes_no_sense_is_said(api: Client, path: str, body: dict[str, object]) -> None:
    answer = api.post(BASE + path, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_INPUT")
