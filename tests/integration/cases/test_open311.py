"""Open311 GeoReport v2 as a third-party client sees it, in both formats."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client

from huying.cases.models import Report
from huying.cases.rules.publicity import coarse
from huying.directory.models import Person
from tests.factories.cases import make_office, make_report

pytestmark = pytest.mark.django_db

KEY = "0b6f7d52-8a34-4c1e-9d70-5e2f1a3c4b6d"


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
        client.post(
            "/open311/v2/requests.json",
            given,
            headers={"Idempotency-Key": "0b6f7d52-8a34-4c1e-9d70-abc"},
        ).json()
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


HOME: dict[str, Any] = {"lon": 117.00512, "lat": 39.00487, "place_text": "东门小区3号楼2单元501"}


@pytest.mark.parametrize("category", ["SOCIAL_NOISE", ""])
def test_a_home_is_not_published(client: Client, category: str) -> None:
    make_office()
    received = make_report(category=category, **HOME)
    (row,) = client.get(f"/open311/v2/requests/{received.report_id}.json").json()
    (near,) = client.get("/api/v1/public-reports", {"lon": HOME["lon"], "lat": HOME["lat"]}).json()
    for place in (
        (row["address"], row["long"], row["lat"]),
        (near["place_text"], near["lon"], near["lat"]),
    ):
        assert place == ("城关镇东门社区", *coarse(117.00512, 39.00487, 100))
    answers = str(row) + str(near) + str(client.get("/open311/v2/requests.xml").content.decode())
    assert "3号楼" not in answers
    assert "117.00512" not in answers
    assert "39.00487" not in answers


def test_the_place_of_a_public_thing_is_published(client: Client) -> None:
    make_office()
    received = make_report(category="STREET_LIGHT", **HOME)
    (row,) = client.get(f"/open311/v2/requests/{received.report_id}.json").json()
    assert (row["address"], row["long"], row["lat"]) == (
        HOME["place_text"],
        HOME["lon"],
        HOME["lat"],
    )


def test_asking_from_many_points_tells_no_more(client: Client) -> None:
    """Two houses that are published as one point are near from the same places."""
    make_office()
    lon, lat = coarse(117.005, 39.005, 100)
    answers = []
    for east in (-0.0003, 0.0003):
        received = make_report(category="SOCIAL_NOISE", lon=lon + east, lat=lat)
        asked = [
            client.get(
                f"/api/v1/public-reports?lon={lon + step / 10_000}&lat={lat}&radius_m=60"
            ).json()
            for step in range(-12, 13)
        ]
        answers.append([received.report_id in [one["id"] for one in rows] for rows in asked])
    assert answers[0] == answers[1]
    assert True in answers[0]
    assert False in answers[0]


def test_who_joins_from_the_map_learns_no_address(client: Client) -> None:
    make_office()
    received = make_report(category="SOCIAL_NOISE", **HOME)
    joined = client.post(
        f"/api/v1/public-reports/{received.report_id}/join",
        {"text": "我也听见了"},
        content_type="application/json",
    ).json()
    followed = client.get(f"/api/v1/reports/{joined['receipt']}")
    assert followed.status_code == 200
    assert "3号楼" not in followed.content.decode()
    report = Report.objects.get(pk=joined["report_id"])
    assert (report.lon, report.lat) == coarse(117.00512, 39.00487, 100)


def test_a_secret_report_is_not_there_at_all(client: Client) -> None:
    make_office()
    received = make_report(secret=True)
    number = received.report_id
    assert client.get(f"/open311/v2/requests/{number}.json").status_code == 404
    assert client.get("/open311/v2/requests.json").json() == []
    assert client.get(f"/open311/v2/requests.json?service_request_id={number}").json() == []
    assert client.get("/api/v1/public-reports?lon=117.005&lat=39.005").json() == []


def _kept(report: Report, field: str) -> str:
    """What the vault has of whoever made this report."""
    assert report.reporter_id is not None
    sealed = getattr(Person.objects.get(pk=report.reporter_id), field)
    return str(sealed.open())


def test_what_a_client_gives_besides_is_kept_or_said_not_to_be(client: Client) -> None:
    make_office()
    extra = {
        "email": "limei@example.org",
        "media_url": "http://127.0.0.1:1/secret.png",
        "device_id": "D-77",
        "address_id": "A-1",
    }
    (accepted,) = _report(client, last_name="李", first_name="梅", **extra).json()
    report = Report.objects.get(pk=accepted["service_request_id"])
    assert "http://127.0.0.1:1/secret.png" in report.text
    assert not report.attachments.exists(), "nothing is fetched"
    assert _kept(report, "name") == "李梅"
    assert _kept(report, "address") == "电子邮箱 limei@example.org"
    for words in ("没有下载", "device_id、address_id 没有收取"):
        assert words in accepted["service_notice"]
    (accepted,) = _report(client, email="wang@example.org").json()
    report = Report.objects.get(pk=accepted["service_request_id"])
    assert _kept(report, "name") == "wang@example.org"
    refused = _report(client, media_url="javascript:alert(1)")
    assert refused.status_code == 400
    assert "media_url" in refused.json()[0]["description"]


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_long_list_goes_on_by_its_link(client: Client, form: str) -> None:
    make_office()
    numbers = [str(make_report(text=f"第{number}件事").report_id) for number in range(5)]
    address, found = f"/open311/v2/requests.{form}?service_code=GARBAGE&page_size=2", []
    for _page in range(3):
        answer = client.get(address)
        found += re.findall(r"service_request_id\W+(\d+)", answer.content.decode())
        link = re.match(r'<http://testserver(.+)>; rel="next"', answer.headers.get("Link", ""))
        address = link[1] if link else ""
    assert address == ""
    assert found == numbers[::-1]
    assert client.get(f"/open311/v2/requests.{form}?page_size=101").status_code == 400


def test_dates_that_cannot_be_read_are_refused(client: Client) -> None:
    answer = client.get("/open311/v2/requests.json", {"start_date": "yesterday"})
    assert answer.status_code == 400
    assert "start_date" in answer.json()[0]["description"]
