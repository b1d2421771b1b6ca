"""Open311 GeoReport v2 as a third-party client sees it, in both formats."""

from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client

from tests.factories.cases import make_office, make_report

pytestmark = pytest.mark.django_db


def _report(client: Client, form: str = "json", **changes: Any) -> Any:
    given = {
        "service_code": "GARBAGE",
        "description": "垃圾桶满了三天没人收",
        "lat": "39.005",
        "long": "117.005",
        **changes,
    }
    return client.post(f"/open311/v2/requests.{form}", given)


def test_services_are_listed_in_both_formats(client: Client) -> None:
    listed = client.get("/open311/v2/services.json").json()
    assert {"service_code", "service_name", "metadata", "type", "group"} <= set(listed[0])
    root = ElementTree.fromstring(client.get("/open311/v2/services.xml").content)
    assert root.tag == "services"
    assert [e.text for e in root.iter("service_code")] == [s["service_code"] for s in listed]


def test_definition_of_a_service(client: Client) -> None:
    found = client.get("/open311/v2/services/GARBAGE.json").json()
    assert found == {"service_code": "GARBAGE", "attributes": []}
    assert client.get("/open311/v2/services/NOTHING.json").status_code == 404
    missing = client.get("/open311/v2/services/NOTHING.xml")
    assert ElementTree.fromstring(missing.content).findtext("error/code") == "404"


def test_a_request_is_taken_in_and_found_again(client: Client) -> None:
    make_office()
    (accepted,) = _report(client).json()
    assert "回执号" in accepted["service_notice"]
    number = accepted["service_request_id"]
    (found,) = client.get(f"/open311/v2/requests/{number}.json").json()
    assert found["service_request_id"] == number
    assert found["status"] == "open"
    assert found["service_code"] == "GARBAGE"
    assert found["description"] is None, "the reporter's words are not public"
    listed = client.get("/open311/v2/requests.json", {"service_code": "GARBAGE"}).json()
    assert [row["service_request_id"] for row in listed] == [number]
    assert client.get("/open311/v2/requests.json", {"status": "closed"}).json() == []


def test_a_request_in_xml(client: Client) -> None:
    make_office()
    root = ElementTree.fromstring(_report(client, "xml").content)
    assert root.tag == "service_requests"
    number = root.findtext("request/service_request_id")
    found = ElementTree.fromstring(client.get(f"/open311/v2/requests/{number}.xml").content)
    assert found.findtext("request/status") == "open"


def test_a_repeated_key_gives_the_first_answer(client: Client) -> None:
    make_office()
    given = {
        "service_code": "GARBAGE",
        "description": "垃圾桶满了",
        "address_string": "东门社区南门",
    }
    first, second = (
        client.post("/open311/v2/requests.json", given, headers={"Idempotency-Key": "abc"}).json()
        for _ in range(2)
    )
    assert first[0]["service_request_id"] == second[0]["service_request_id"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"service_code": "NOTHING"}, 404),
        ({"lat": "", "long": ""}, 400),
        ({"lat": "91"}, 400),
        ({"long": ""}, 400),
        ({"description": ""}, 400),
    ],
)
def test_what_is_wrong_is_said(client: Client, changes: dict[str, str], status: int) -> None:
    given = {
        "service_code": "GARBAGE",
        "description": "垃圾桶满了",
        "lat": "39.005",
        "long": "117.005",
        **changes,
    }
    given = {name: value for name, value in given.items() if value}
    answer = client.post("/open311/v2/requests.json", given)
    assert answer.status_code == status
    assert answer.json()[0]["description"]


def test_a_secret_report_shows_no_place(client: Client) -> None:
    make_office()
    received = make_report(secret=True)
    found = client.get(f"/open311/v2/requests/{received.report_id}.json")
    if found.status_code == 200:
        (row,) = found.json()
        assert (row["lat"], row["long"], row["address"]) == (None, None, "")
    else:
        assert found.status_code == 404


def test_dates_that_cannot_be_read_are_refused(client: Client) -> None:
    answer = client.get("/open311/v2/requests.json", {"start_date": "yesterday"})
    assert answer.status_code == 400
    assert "start_date" in answer.json()[0]["description"]
