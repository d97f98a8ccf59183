"""A real Chromium on the real page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.visitor import Visitor
from tests.chromium import launched
from tests.serving import Served, serve


@pytest.fixture(scope="session")
def served() -> Served:
    """The running page."""
    return serve()


@pytest.fixture(scope="package")
def chrome(served: Served, chromium: str | None) -> Iterator[Browser]:
    """One browser for all tests here; closed behind them, since it keeps an event loop in this thread."""
    with launched(chromium) as browser:
        yield browser


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
