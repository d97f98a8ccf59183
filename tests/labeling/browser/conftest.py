"""A real Chromium on the page, and an office on the same store as the page's."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from labeling.office import Office
from tests.chromium import launched
from tests.labeling.browser.labeller import Labeller
from tests.serving import Served, serve

Sits = Callable[..., Labeller]


@pytest.fixture(scope="session")
def served() -> Served:
    """The running page."""
    return serve()


@pytest.fixture(scope="package")
def chrome(served: Served, chromium: str | None) -> Iterator[Browser]:
    """One browser for all tests here; closed behind them, since it keeps an event loop in this thread."""
    with launched(chromium) as browser:
        yield browser


@pytest.fixture(scope="session")
def office(served: Served) -> Iterator[Office]:
    """Another process's view of the store that the page writes."""
    office = Office()
    yield office
    office.store.close()


@pytest.fixture
def sits(chrome: Browser, served: Served) -> Iterator[Sits]:
    """Lets somebody sit down at the desk: `sits("Sita", batch)`; further options are the browser's."""
    people: list[Labeller] = []

    def sit(
        name: str, batch: int | None = None, desk: dict[str, Any] | None = None, **options: Any
    ) -> Labeller:
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        labeller = Labeller(chrome.new_context(**options), served.url, name, {"batch": batch, **(desk or {})})
        people.append(labeller)
        return labeller

    yield sit
    for labeller in people:
        labeller.page.context.close()
    for labeller in people:
        assert labeller.complaints == [], f"{labeller.name}'s console holds errors"
