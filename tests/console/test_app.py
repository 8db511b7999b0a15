"""The console's application, asked directly: no browser, and a stage that does not answer."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.local.conftest import find_free_port
from tests.trips import trip
from tools.console import app
from tools.stage import Stage

HOST = "127.0.0.1:4680"
CHANGE = {"origin": f"http://{HOST}", "x-console-token": "right", "content-type": "application/json"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A client of the console of a stage that nothing listens for."""
    monkeypatch.setenv("TRAVEL_SAGA_PORT", str(find_free_port()))
    return TestClient(app.make(Stage("local"), HOST, "right"), base_url=f"http://{HOST}")


def post(client: TestClient, path: str, body: Any, **headers: str) -> Any:
    """Ask for a change as the page does."""
    return client.post(path, json=body, headers=CHANGE | headers)


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/about", "/nowhere"])
def test_every_answer_is_guarded(client: TestClient, path: str) -> None:
    """Every answer carries the policy: nothing from elsewhere, nothing inline, no frame, no other origin."""
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_a_refusal_is_guarded_too(client: TestClient) -> None:
    """What is refused gets the policy as well, and no word of the page."""
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 403
    assert "content-security-policy" in answer.headers
    assert answer.json() == {"detail": f"open http://{HOST}/"}


def test_the_page_has_its_token_and_nothing_inline(client: TestClient) -> None:
    """The page carries the token of this run; no script, style or handler stands in it."""
    text = client.get("/").text
    assert '<meta name="console-token" content="right">' in text
    assert "{" not in text
    assert "<style" not in text
    assert " style=" not in text
    assert " on" not in [part[:3] for part in text.split("<")]
    assert text.count("<script") == text.count('<script type="module" src="/static/main.js"></script>') == 1


def test_about_has_the_machines_as_they_stand(client: TestClient) -> None:
    """The page draws what the ASL files say, and makes its form of the schema."""
    about = client.get("/api/about").json()
    assert about["machines"]["booking"]["States"]["BookCar"]["Next"] == "TripBooked"
    assert "BeginCancellation" in about["machines"]["cancellation"]["States"]
    assert about["trip"]["required"] == ["hotel", "flight", "car"]
    assert about["faults"]
    assert "test-compensation-fails" in about["samples"]


def test_no_faults_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a stage that allows no faults the page knows of none, and one that is asked for is refused at its field."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    client = TestClient(app.make(Stage("staging", "eu-west-1"), HOST, "right"), base_url=f"http://{HOST}")
    about = client.get("/api/about").json()
    assert about["faults"] is None
    assert not any("faults" in sample for sample in about["samples"].values())
    answer = post(client, "/api/trips", trip(faults={"BookCar": {"error": "SoldOut"}}))
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/faults"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (trip("hotel/check_out", "2099-02-01"), ["/hotel/check_out"]),
        (trip("car/model", 7), ["/car/model"]),
        ({}, ["/car", "/flight", "/hotel"]),
        ([], [""]),
    ],
)
def test_a_bad_trip_is_told_by_pointers(client: TestClient, body: Any, pointers: list[str]) -> None:
    """What is no trip is told field by field, before anything is asked of the stage."""
    answer = post(client, "/api/trips", body)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


@pytest.mark.parametrize(
    "path", ["/api/trips?status=NEW", "/api/trips?after=x", "/api/events?trip=a%20b", "/api/events?saga=x"]
)
def test_a_bad_question(client: TestClient, path: str) -> None:
    """A status, a place in the list, a trip_id or a saga_id that is none is refused."""
    assert client.get(path).status_code == 400


@pytest.mark.parametrize("act", ["cancel", "repair"])
def test_a_bad_trip_id(client: TestClient, act: str) -> None:
    """What is no trip_id is refused."""
    assert post(client, f"/api/trips/a%20b/{act}", {}).status_code == 400


@pytest.mark.parametrize("path", ["/api/trips", "/api/trips/trip-1/cancel", "/api/trips/trip-1/repair"])
def test_a_stage_that_does_not_answer(client: TestClient, path: str) -> None:
    """A stage that can't be reached is a 503 with what to do about it."""
    answer = post(client, path, trip())
    assert answer.status_code == 503
    assert "./build.sh deploy local" in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"x-console-token": "x"}, {"host": "evil.example"}]
)
def test_a_change_by_another(client: TestClient, headers: dict[str, str]) -> None:
    """A change without the page's Origin, its token or the console's Host is refused."""
    assert post(client, "/api/trips", trip(), **headers).status_code == 403


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/vendor/../../guard.py"])
def test_nothing_but_the_page_is_served(client: TestClient, path: str) -> None:
    """No path leads out of the folder of the page's own files."""
    assert client.get(path).status_code == 404
