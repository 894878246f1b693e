"""What every test may ask for."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from stage import CHROMIUM, Tessera, Watched


@pytest.fixture(scope="session")
def tessera():
    """A Tessera that nobody configured: it has started its own simulator."""
    said = {name: os.environ[f"CONSOLE_{name.upper()}"] for name in ("url", "console", "token", "key")}
    return Tessera(**said, data=Path(os.environ["CONSOLE_DATA"]), log=Path(os.environ["CONSOLE_LOG"]))


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        # No sandbox: tests may run as root, and show nothing but our own pages.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium):
    """A browser that is not signed in; whatever is wrong with what it sees fails the test."""
    context = chromium.new_context()
    watched = Watched(context.new_page()).watch()
    yield watched
    context.close()
    assert watched.troubles == []


@pytest.fixture
def operator(visitor, tessera):
    """A browser that is signed in."""
    visitor.sign_in(tessera)
    return visitor
