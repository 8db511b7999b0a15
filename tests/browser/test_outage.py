"""The embedded AWS, or the console, goes away while the page is open."""

import os
import signal

from playwright.sync_api import Page, expect

from tests.browser.look import sample, status
from tests.local.conftest import Stack
from tests.trips import trip


def kill(stack: Stack) -> None:
    """Kill the emulator; what it has done up to now is saved before, since a killed one saves nothing."""
    stack.emulator.stop()
    stack.emulator.start()
    pid = stack.emulator._pid()
    assert pid
    os.kill(pid, signal.SIGKILL)


def test_the_emulator_is_killed_and_comes_back(page: Page, console: str, stack: Stack) -> None:
    """A killed emulator shows as a banner with what to do; when it is back the banner goes and a trip can be booked."""
    assert stack.book(trip(trip_id="out-before")) == "SUCCEEDED"
    page.goto(f"{console}?trip=out-before")
    status(page, "confirmed")
    kill(stack)
    banner = page.locator(".banner.off")
    expect(banner).to_have_text("Not live: the embedded AWS does not answer; `./build.sh deploy local` starts it")
    expect(page.get_by_role("button", name="Book a trip")).to_be_disabled()
    stack.emulator.start()
    expect(banner).to_have_count(0)
    status(page, "confirmed")
    sample(page, "test-booking-success", "out-after")
    status(page, "confirmed")
    assert stack.read("out-after").log[-1]["status"] == "CONFIRMED"


def test_the_console_is_gone(page: Page, console: str) -> None:
    """A console that does not answer shows as a banner, which goes when it answers again."""
    page.goto(console)
    expect(page.locator("#live")).to_have_text("live")
    page.route("**/api/events?*", lambda route: route.abort())
    page.get_by_label("Status").select_option("CONFIRMED")  # asks for a new stream
    expect(page.locator(".banner.off")).to_contain_text("The console does not answer")
    page.unroute("**/api/events?*")
    page.get_by_label("Status").select_option("")
    expect(page.locator(".banner.off")).to_have_count(0)
