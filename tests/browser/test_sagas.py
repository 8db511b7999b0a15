"""Sagas on the page: booked, rolled back, stuck and repaired, cancelled; all asked for by the page itself."""

from datetime import datetime
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.look import looks, sample, state, status, told
from tests.local.conftest import Stack
from tests.trips import trip
from tools.console import looks as console_looks

STEPS = ["BeginSaga", "BookHotel", "BookFlight", "BookCar"]
UNDONE = ["CancelCar", "CancelFlight", "CancelHotel"]


def plain(log: list[Any]) -> list[str]:
    """The saga log as the page tells it."""
    return [f"{entry['step']} {entry['kind']}" for entry in log]


def from_the_log(log: list[Any], run: int) -> dict[str, str]:
    """The looks of a run's states by its log alone, as when the execution's history is gone."""
    entries = [entry for entry in log if entry["run"] == run]
    return {name: state.look for name, state in console_looks.looks(console_looks.told(entries, run)).items()}


@pytest.fixture(scope="module", autouse=True)
def _stuck(stack: Stack) -> None:
    """A trip that will owe the cancel of its flight: 65 attempts take their time, while the other tests go on."""
    stack.start(
        trip("car/model", "Fiat 500e", trip_id="seen-stuck", faults={"CancelFlight": {"error": "TransientError"}})
    )


def test_a_success(page: Page, console: str, stack: Stack) -> None:
    """A trip that is booked on the page ends with its books green, three confirmations, and its log told as it is."""
    page.goto(console)
    sample(page, "test-booking-success", "seen-booked")
    status(page, "confirmed")
    expect(state(page, "TripBooked")).to_have_attribute("data-look", "succeeded")
    assert looks(page) == dict.fromkeys([*STEPS, "TripBooked"], "succeeded")
    found = stack.read("seen-booked")
    assert found.status == "CONFIRMED"
    shown = page.locator(".booking .confirmation").all_text_contents()
    assert shown == [item["confirmation"] for item in found.bookings.values()]
    assert told(page) == plain(found.log)
    assert plain(found.log)[-2:] == ["BookCar END", "Saga END"]


def test_a_rollback(page: Page, console: str, stack: Stack) -> None:
    """A sold-out car shows as refused with its reason, what was booked as compensated, and no capacity is taken."""
    page.goto(console)
    sample(page, "test-booking-fail", "seen-rolled-back")
    status(page, "rolled back")
    expect(state(page, "TripRolledBack")).to_have_attribute("data-look", "compensated")
    assert looks(page) == {
        **dict.fromkeys(STEPS[:3], "succeeded"),
        "BookCar": "refused",
        **dict.fromkeys(UNDONE, "compensated"),
        "HasItEnded": "succeeded",
        "TripRolledBack": "compensated",
    }
    expect(state(page, "BookCar")).to_have_accessible_name("BookCar refused · SoldOut")
    found = stack.read("seen-rolled-back")
    assert found.status == "ROLLED_BACK"
    assert from_the_log(found.log, 0) == looks(page)
    assert told(page) == plain(found.log)
    assert "BookCar ABORT" in told(page)
    hotel = page.locator('[data-participant="hotel"]')
    expect(hotel).to_contain_text("taken, then given back")
    before, now = hotel.locator("tbody tr").first.locator("td").all_text_contents()[:2]
    assert before == now


def test_capacity_before_and_after(page: Page, console: str, stack: Stack) -> None:
    """A live booking shows one more taken than before it, of what the offer holds."""
    stack.offer("hotel", "Counted Inn", 7)
    assert stack.book(trip("hotel/name", "Counted Inn", trip_id="seen-before")) == "SUCCEEDED"
    assert stack.book(trip("hotel/name", "Counted Inn", trip_id="seen-counted")) == "SUCCEEDED"
    page.goto(f"{console}?trip=seen-counted")
    row = page.locator('[data-participant="hotel"] tbody tr').first
    expect(row).to_have_text("2099-03-01 to 03-03127")
    assert stack.taken("Counted Inn")["TAKEN#Counted Inn#2099-03-01"] == 2
    assert plain(stack.read("seen-counted").log)[-1] == "Saga END"


def test_a_retry(page: Page, console: str, stack: Stack) -> None:
    """A step that failed and was tried again says how often, and the story has the error that the log cannot know."""
    page.goto(console)
    sample(page, "test-transient-recovers", "seen-retried")
    status(page, "confirmed")
    failed = [line for line in told(page) if line.endswith("FAILED")]
    assert failed
    step = failed[0].split()[0]
    expect(state(page, step)).to_have_accessible_name(f"{step} succeeded \u00d7{len(failed) + 1}")
    expect(page.locator(f'[data-step="{step}"] .line.failed').first).to_contain_text("TransientError")
    log = plain(stack.read("seen-retried").log)
    assert [line for line in told(page) if not line.endswith("FAILED")] == log
    assert log.count(f"{step} START") == len(failed)  # the first attempt, which failed, left none


def test_a_stuck_trip_repaired(page: Page, console: str, stack: Stack) -> None:
    """A trip that owes a cancel is announced, and Repair on the page ends it, its undo drawn on the other machine."""
    page.goto(f"{console}?trip=seen-stuck")
    status(page, "needs attention")
    expect(page.locator("#attention")).to_contain_text("seen-stuck owes flight")
    expect(state(page, "CancelFlight")).to_have_attribute("data-look", "failed")
    expect(page.locator(".owed")).to_have_text("Still owed: flight (TransientError)")
    page.get_by_role("button", name="Repair …").click()
    page.get_by_role("button", name="Repair", exact=True).click()
    status(page, "rolled back")
    expect(page.locator("#attention")).to_have_count(0)
    expect(state(page, "TripUndone")).to_have_attribute("data-look", "succeeded")
    assert [looks(page)[name] for name in UNDONE] == ["compensated"] * 3
    log = stack.read("seen-stuck").log
    # What was cancelled before, the undo had no work with, and the log has no word of it.
    silent = ("IsThereAnythingToUndo", "CancelCar", "CancelHotel")
    assert from_the_log(log, 1) == {name: look for name, look in looks(page).items() if name not in silent}
    page.get_by_role("button", name="Booking", exact=True).click()
    assert from_the_log(log, 0) == looks(page)
    expect(state(page, "TripNeedsAttention")).to_have_attribute("data-look", "failed")
    assert plain([entry for entry in log if entry["run"] == 1])[-1] == "Saga END"
    assert set(stack.statuses("seen-stuck").values()) == {"CANCELLED"}


def test_a_cancellation(page: Page, console: str, stack: Stack) -> None:
    """Cancel asks first; then a confirmed trip is cancelled, and the page shows the machine that does it."""
    assert stack.book(trip(trip_id="seen-cancelled")) == "SUCCEEDED"
    page.goto(f"{console}?trip=seen-cancelled")
    page.get_by_role("button", name="Cancel trip …").click()
    page.get_by_role("button", name="Keep it as it is").click()
    assert stack.read("seen-cancelled").status == "CONFIRMED"
    page.get_by_role("button", name="Cancel trip …").click()
    page.get_by_role("button", name="Cancel trip", exact=True).click()
    status(page, "cancelled")
    expect(state(page, "TripUndone")).to_have_attribute("data-look", "succeeded")
    assert plain(stack.read("seen-cancelled").log)[-1] == "Saga END"


def test_a_fault_on_purpose(page: Page, console: str, stack: Stack) -> None:
    """A fault that is injected at a step happens there."""
    page.goto(console)
    page.get_by_role("button", name="Book a trip").click()
    page.get_by_label("Start from a sample").select_option("test-booking-success")
    page.get_by_label("trip id").fill("seen-faulty")
    page.get_by_role("button", name="Inject a fault").click()
    page.get_by_label("at", exact=True).select_option("BookFlight")
    page.get_by_label("error").select_option("NotOffered")
    page.get_by_role("button", name="Book", exact=True).click()
    status(page, "rolled back")
    assert looks(page)["BookFlight"] == "refused"
    assert "BookFlight ABORT" in plain(stack.read("seen-faulty").log)


def test_a_bad_trip_is_told_at_its_field(page: Page, console: str, stack: Stack) -> None:
    """What no calendar allows is told at its field; nothing is started."""
    rows = stack.rows()
    page.goto(console)
    page.get_by_role("button", name="Book a trip").click()
    page.get_by_label("Start from a sample").select_option("test-booking-success")
    page.get_by_label("check out").fill("2099-02-01")
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_label("check out")).to_be_focused()
    expect(page.get_by_label("check out")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#field-hotel-check_out-problem")).to_contain_text("expected")
    assert stack.rows() == rows


def test_a_taken_trip_id(page: Page, console: str, stack: Stack) -> None:
    """Another trip under a taken trip_id shows as refused, and the first one stays as it was."""
    assert stack.book(trip(trip_id="seen-taken")) == "SUCCEEDED"
    before = stack.read("seen-taken")
    page.goto(console)
    sample(page, "test-booking-fail", "seen-taken")
    expect(state(page, "TripRefused")).to_have_attribute("data-look", "refused")
    assert looks(page) == {"BeginSaga": "refused", "TripRefused": "refused"}
    assert stack.read("seen-taken") == before


NOTE_WHEN = """() => {
    window.seen = {};
    new MutationObserver((changes) => changes.forEach(({ target: { dataset } }) => {
        if (['succeeded', 'compensated', 'refused'].includes(dataset.look)) window.seen[dataset.state] ??= Date.now();
    })).observe(document.getElementById('graph'), { subtree: true, attributes: true, attributeFilter: ['data-look'] });
}"""


def test_colours_follow_the_log(page: Page, console: str, stack: Stack) -> None:
    """A state of a live saga gets its colour within half a second of the step's outcome in the log."""
    page.goto(f"{console}?trip=seen-live")
    status(page, "not recorded yet")
    page.evaluate(NOTE_WHEN)
    assert stack.book(trip("car/model", "Fiat 500e", trip_id="seen-live")) == "TripRolledBack"
    status(page, "rolled back")
    log, seen = stack.read("seen-live").log, page.evaluate("window.seen")
    outcomes = {entry["step"]: entry["at"] for entry in log if entry["kind"] in ("END", "ABORT")}
    assert set(outcomes) == {*STEPS[1:], *UNDONE, "Saga"}
    delays = sorted(seen[step] / 1000 - moment(at) for step, at in outcomes.items() if step != "Saga")
    assert median(delays) < 0.5, delays  # the slowest of them tells more of a busy machine than of the page


def moment(at: str) -> float:
    """A time of the log as seconds."""
    return datetime.fromisoformat(at).timestamp()


def test_text_is_never_html(page: Page, console: str, stack: Stack) -> None:
    """A hotel's name that is HTML with a script shows as the text that it is, everywhere."""
    name = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
    stack.offer("hotel", name, 5)
    assert stack.book(trip("hotel/name", name, trip_id="seen-html")) == "SUCCEEDED"
    refused = f"{name} is not here"
    assert stack.book(trip("hotel/name", refused, trip_id="seen-html-refused")) == "TripRolledBack"
    page.goto(f"{console}?trip=seen-html")
    expect(page.locator(".offer").first).to_have_text(name)
    page.goto(f"{console}?trip=seen-html-refused")
    expect(page.locator('[data-step="BookHotel"]')).to_contain_text(f"{refused} is not offered")
    assert page.evaluate("window.hit") is None
    assert page.locator("main img, main script").count() == 0
    assert "BookHotel ABORT" in plain(stack.read("seen-html-refused").log)
