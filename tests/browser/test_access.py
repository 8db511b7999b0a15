"""Nobody but the console's own page gets in: not another page in the browser, not another name for this host."""

import http.client
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.local.conftest import Stack
from tests.trips import trip


class Elsewhere(BaseHTTPRequestHandler):
    """Another page, of another origin."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: object) -> None:
        """Keep the tests' output quiet."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """The URL of a page of another origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def ask(console: str, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
    """Send a request as it is, with any Host; return the answer's status and text."""
    connection = http.client.HTTPConnection(urlsplit(console).netloc, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def good(console: str) -> dict[str, str]:
    """The headers of a change that the page asks for."""
    found = re.search(r'name="console-token" content="([^"]+)"', ask(console, "GET", "/")[1])
    assert found
    return {"Origin": console.rstrip("/"), "Content_Type": "application/json", "X_Console_Token": found[1]}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 202),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:4680"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"X_Console_Token": "guessed"}, 403),
        ({"X_Console_Token": ""}, 403),
        ({"Content_Type": "text/plain"}, 403),
    ],
)
def test_a_change_needs_all_of_it(console: str, stack: Stack, changed: dict[str, str], status: int) -> None:
    """A booking needs the console's Host and Origin and this run's token; without one of them nothing is started."""
    trip_id = "asked-well" if status == 202 else "asked-ill"
    answer = ask(console, "POST", "/api/trips", json.dumps(trip(trip_id=trip_id)), **(good(console) | changed))
    assert answer[0] == status
    assert stack.read("asked-ill").record is None
    assert stack.read("asked-ill").log == []


def test_a_change_without_an_origin(console: str) -> None:
    """What sends no Origin at all is no page, and may not change anything."""
    headers = {name: value for name, value in good(console).items() if name != "Origin"}
    assert ask(console, "POST", "/api/trips", "{}", **headers)[0] == 403


@pytest.mark.parametrize("path", ["/", "/api/about", "/api/trips", "/static/main.js"])
def test_another_host_reads_nothing(console: str, path: str) -> None:
    """A name that somebody points to 127.0.0.1 gets neither the page with its token nor a trip."""
    assert ask(console, "GET", path, Host="evil.example") == (
        403,
        json.dumps({"detail": f"open {console}"}, separators=(",", ":")),
    )


ATTEMPTS = """async (console) => {
    const tried = async (path, options) => {
        try { return (await fetch(console + path, options)).type; } catch { return 'refused'; }
    };
    const json = { 'content-type': 'application/json', 'x-console-token': 'x' };
    return [
        await tried(''),
        await tried('api/trips'),
        await tried('api/trips', { method: 'POST', body: '{}' }),
        await tried('api/trips', { method: 'POST', body: '{}', headers: json }),
        await tried('api/trips', { method: 'POST', body: '{}', mode: 'no-cors' }),
    ];
}"""


def test_another_page_reads_and_changes_nothing(stranger: Page, console: str, elsewhere: str, stack: Stack) -> None:
    """In the browser, a page of another origin can neither read the console nor post to it, blindly or not."""
    rows = stack.rows()
    stranger.goto(elsewhere)
    assert stranger.evaluate(ATTEMPTS, console) == ["refused"] * 5
    assert stack.rows() == rows


FRAME = """(console) => new Promise((done) => {
    const frame = Object.assign(document.createElement('iframe'), { src: console, onload: done });
    document.body.append(frame);
})"""


def test_another_page_frames_nothing(stranger: Page, console: str, elsewhere: str) -> None:
    """The console does not show in another page's frame, so nobody is made to click there."""
    stranger.goto(elsewhere)
    stranger.evaluate(FRAME, console)
    assert len(stranger.frames) == 2
    assert stranger.frames[-1].locator("#book").count() == 0


REFUSED = """(act) => { try { act(document.body); return false; } catch { return true; } }"""


@pytest.mark.parametrize("act", ["b => b.innerHTML = '<b>x</b>'", "b => b.setAttribute('onclick', 'x')"])
def test_no_text_becomes_html(stranger: Page, console: str, act: str) -> None:
    """Where the page itself would put text in as HTML, or as a script, the browser refuses."""
    stranger.goto(console)
    assert stranger.evaluate(f"({REFUSED})({act})")
