"""The page itself: for every eye, every width, and the keyboard."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.look import status
from tests.local.conftest import ROOT, Stack, until
from tests.trips import trip
from tools import attention

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


ENDINGS = {"page-owes": "needs attention", "p" * 64: "confirmed", "page-rolled-back": "rolled back"}


@pytest.fixture(scope="module", autouse=True)
def _trips(stack: Stack) -> Iterator[None]:
    """A trip of each ending, in this order; one id, and one hotel's name, are as long as they may be."""
    owes = trip("car/model", "Fiat 500e", trip_id="page-owes", faults={"CancelFlight": {"error": "TransientError"}})
    owing = stack.start(owes)
    until(lambda: stack.read("page-owes").record)  # the first one in the list is the last one begun
    assert stack.book(trip(trip_id="p" * 64)) == "SUCCEEDED"
    assert stack.book(trip("hotel/name", "x" * 100, trip_id="page-rolled-back")) == "TripRolledBack"
    assert stack.wait(owing) == "TripNeedsAttention"
    yield
    list(attention.repair(stack.stage, "page-owes"))


def serious(page: Page) -> list[str]:
    """What axe-core finds on the page that is serious or critical, with where."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(browser: Browser, console: str, scheme: Any) -> None:
    """axe-core finds nothing serious, in light and dark: on a trip of each ending, in the form, at a phone's width."""
    # axe-core makes its own elements from text, which the page's policy rightly forbids.
    context = browser.new_context(color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    for trip_id, ending in ENDINGS.items():
        page.goto(f"{console}?trip={trip_id}")
        status(page, ending)
        assert serious(page) == []
    page.set_viewport_size({"width": 360, "height": 700})
    assert serious(page) == []
    page.get_by_role("button", name="Book a trip").click()
    page.get_by_role("button", name="Inject a fault").click()
    assert serious(page) == []
    context.close()


@pytest.mark.parametrize("width", [360, 900, 1600])
def test_width(page: Page, console: str, width: int) -> None:
    """No trip, however long its names, makes the page wider than the window: from a phone to a big screen."""
    page.set_viewport_size({"width": width, "height": 800})
    for trip_id, ending in ENDINGS.items():
        page.goto(f"{console}?trip={trip_id}")
        status(page, ending)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Book a trip").click()
    assert page.get_by_role("dialog").evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")


def focused(page: Page) -> str:
    """What has the focus, by its text."""
    return str(page.evaluate("document.activeElement.textContent"))


def test_keyboard(page: Page, console: str) -> None:
    """Without a mouse: through the list by arrows, into a trip, from a state to its story, into a form and out."""
    page.goto(f"{console}?trip=page-owes")
    status(page, "needs attention")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the trip"
    page.locator("#trips a").first.focus()
    first = focused(page)
    page.keyboard.press("ArrowDown")
    assert focused(page) != first
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#trip-id")).to_have_text("page-rolled-back")
    assert focused(page) == first
    page.locator('.node[data-state="BookHotel"]').focus()
    page.keyboard.press("Enter")
    assert focused(page).startswith("BookHotelrefused")
    page.get_by_role("button", name="Book a trip").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    assert focused(page) == "Book a trip"


def test_the_newest_trip_shows_by_itself(page: Page, console: str, stack: Stack) -> None:
    """The page opens at the newest trip, and goes on to the next one that is started anywhere."""
    page.goto(console)
    expect(page.locator("#trip-id")).to_have_text("page-rolled-back")
    assert stack.book(trip(trip_id="page-newest")) == "SUCCEEDED"
    expect(page.locator("#trip-id")).to_have_text("page-newest")
    status(page, "confirmed")
    assert stack.read("page-newest").log[-1]["status"] == "CONFIRMED"


def test_back_leads_back(page: Page, console: str) -> None:
    """What is looked at stands in the address: Back leads to the trip before."""
    page.goto(f"{console}?trip=page-owes")
    status(page, "needs attention")
    page.locator('#trips a[data-trip="page-rolled-back"]').click()
    status(page, "rolled back")
    page.go_back()
    status(page, "needs attention")


def test_filter(page: Page, console: str) -> None:
    """The list shows the trips of one status only, and says none where there is none."""
    page.goto(console)
    page.get_by_label("Status").select_option("NEEDS_ATTENTION")
    expect(page.locator("#trips li")).to_have_count(1)
    expect(page.locator("#trips li")).to_contain_text("page-owes")
    page.get_by_label("Status").select_option("CANCELLING")
    expect(page.locator("#trips")).to_have_text("none")


def test_a_fold_stays_open(page: Page, console: str, stack: Stack) -> None:
    """What is unfolded in the story stays so when the trip goes on."""
    page.goto(f"{console}?trip=page-owes")
    page.locator("summary").click()
    expect(page.locator("#story .line.start").nth(30)).to_be_visible()
    assert stack.read("page-owes").log[-1]["status"] == "NEEDS_ATTENTION"
    page.get_by_role("button", name="Repair …").click()
    page.get_by_role("button", name="Repair", exact=True).click()
    status(page, "rolled back")
    expect(page.locator("#story .line.start").nth(30)).to_be_visible()
