"""A real Chromium on the real page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.visitor import Visitor
from tests.serving import Served, serve

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    # A camera that shows a moving pattern, and no question whether it may be used.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


@pytest.fixture(scope="session")
def served() -> Served:
    """The running page."""
    return serve()


@pytest.fixture(scope="package")
def chrome(served: Served, chromium: str | None) -> Iterator[Browser]:
    """One browser for all tests here; closed behind them, since it keeps an event loop in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


def _visit(chrome: Browser, served: Served, **options: object) -> Iterator[Visitor]:
    context: BrowserContext = chrome.new_context(**options)  # type: ignore[arg-type]
    visitor = Visitor(context.new_page(), served)
    visitor.arrive()
    yield visitor
    visitor.leave()
    assert visitor.complaints == [], "the browser's console holds errors"
    assert visitor.outside == [], "the page asked other servers"


@pytest.fixture
def visitor(chrome: Browser, served: Served) -> Iterator[Visitor]:
    """Somebody at a desk."""
    yield from _visit(chrome, served, viewport={"width": 1280, "height": 900})


@pytest.fixture
def phone(chrome: Browser, served: Served) -> Iterator[Visitor]:
    """Somebody with a phone, dark at night."""
    yield from _visit(
        chrome,
        served,
        viewport={"width": 390, "height": 844},
        is_mobile=True,
        has_touch=True,
        color_scheme="dark",
    )
