"""What a person sees on the console's page."""

from typing import Any

from playwright.sync_api import Page, expect


def sample(page: Page, name: str, trip_id: str) -> None:
    """Book a sample event by the form, under an id of one's own."""
    page.get_by_role("button", name="Book a trip").click()
    page.get_by_label("Start from a sample").select_option(name)
    page.get_by_label("trip id").fill(trip_id)
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.locator("#trip-id")).to_have_text(trip_id)


def state(page: Page, name: str) -> Any:
    """A state of the graph."""
    return page.locator(f'.node[data-state="{name}"]')


def looks(page: Page) -> dict[str, str]:
    """The look of each state of the graph that is not waiting, by its name."""
    found: dict[str, str] = page.locator(".node").evaluate_all(
        "nodes => Object.fromEntries(nodes.map(node => [node.dataset.state, node.dataset.look]))"
    )
    return {name: look for name, look in found.items() if look != "waiting"}


def status(page: Page, text: str) -> None:
    """Wait until the trip on the page has this status."""
    expect(page.locator("#trip-status")).to_have_text(text)


def told(page: Page) -> list[str]:
    """The story on the page, as `<step> <kind>`."""
    found: list[str] = page.locator("#story .chapter").evaluate_all(
        "chapters => chapters.flatMap(one => [...one.querySelectorAll('.line')]"
        ".map(line => `${one.dataset.step} ${line.querySelector('b').textContent}`))"
    )
    return found
