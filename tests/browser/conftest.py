"""A console over the deployed stack, and the system's own Chromium to look at it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.local.conftest import Stack, deployed, stack

__all__ = ["deployed", "stack"]

expect.set_options(timeout=30_000)

HOW = "no Chromium here: `apt-get install chromium` installs it"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session", autouse=True)  # before anything is deployed
def chromium() -> str:
    """The path of Chromium; without one these tests are skipped, but not where CI runs them."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found and os.environ.get("CI"):
        pytest.fail(HOW)
    if not found:
        pytest.skip(HOW)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, which CI often is.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        made = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield made
        made.close()


@pytest.fixture(scope="session")
def console(deployed: Stack) -> Iterator[str]:
    """The console of the deployed stage, started as a user does; its URL."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [str(deployed.folder / "saga.sh"), "console", "--json", "--port", "0"],
        env=environ | {"TRAVEL_SAGA_PORT": str(deployed.port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own; an error that it writes to its console fails the test, a refused request apart."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    made = context.new_page()
    errors: list[Any] = []
    made.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108 — a built-in is not taken
    made.on("console", lambda message: errors.append(message.text) if is_error(message) else None)
    yield made
    context.close()
    assert errors == []


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A page that is up to no good, and may be told so."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def is_error(message: ConsoleMessage) -> bool:
    """Whether a page says that it is broken; that a server refused it is often what a test wants."""
    return message.type == "error" and not message.text.startswith("Failed to load resource")
