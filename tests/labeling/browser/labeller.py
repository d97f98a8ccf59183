"""What somebody who labels does with the page."""

import json
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Route, expect

PATIENCE = 30_000  # milliseconds; the machine may be busy

# From a key to the next photo painted: two frames after the stage says that it is another one.
WATCH = """() => {
    const stage = document.querySelector(".desk-stage");
    window.shownAfter = [];
    let pressed = null;
    addEventListener("keydown", (event) => { pressed = event.timeStamp; }, { capture: true });
    new MutationObserver(() => {
        const from = pressed;
        if (from === null || !stage.dataset.item) return;
        pressed = null;
        requestAnimationFrame(() => requestAnimationFrame(() => window.shownAfter.push(performance.now() - from)));
    }).observe(stage, { attributes: true, attributeFilter: ["data-item"] });
}"""


class Labeller:
    """A person at the Label tab's desk."""

    def __init__(self, context: BrowserContext, url: str, name: str, settings: dict[str, Any]) -> None:
        """Args:
        name: what this browser remembers as the person's name; "" for nobody.
        settings: of the desk, remembered as well.
        """
        self.name = name
        self.complaints: list[str] = []
        if name:
            memory = {"rangin-name": name, "rangin-desk": settings}
            for key, value in memory.items():
                said = json.dumps(json.dumps(value))
                context.add_init_script(
                    f"localStorage.getItem('{key}') || localStorage.setItem('{key}', {said})"
                )
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.url = url
        self.come()

    def come(self) -> None:
        """Open the page, or load it anew, and go to the tab."""
        self.page.goto(self.url)
        self.page.get_by_role("tab", name="Label", exact=True).click()
        if self.name:
            expect(self.page.locator(".desk-body")).to_be_visible()
            self.wait(lambda: bool(self.item or self.empty), "a photo, or a word why there is none")

    @property
    def item(self) -> str:
        """Number of the item on screen, "" for none."""
        return self.page.locator(".desk-stage").get_attribute("data-item") or ""

    @property
    def empty(self) -> str:
        """What stands in the photo's place."""
        words = self.page.evaluate("document.querySelector('.desk-picture .desk-empty')?.innerText || ''")
        return "" if words.startswith("Loading") else words

    @property
    def photo(self) -> str:
        """Name of the photo on screen."""
        return self.page.locator(".desk-name").inner_text()

    @property
    def verdict(self) -> str:
        """What this person said of it."""
        return self.page.locator(".desk-verdict").inner_text()

    @property
    def saved(self) -> str:
        """What the page says of saving."""
        return self.page.locator(".desk-saved").inner_text()

    @property
    def spoken(self) -> str:
        """What a screen reader was told last."""
        return self.page.locator("#label-desk [role=status]").inner_text()

    def button(self, name: str) -> Locator:
        """A button of the desk by its accessible name."""
        return self.page.locator("#label-desk").get_by_role("button", name=name, exact=True)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as fast as the page takes them."""
        for key in keys:
            self.page.keyboard.press(key)

    def label(self, key: str) -> None:
        """Press a key that decides, and wait for another photo, or for the end."""
        self.then_next(lambda: self.press(key))

    def then_next(self, act: Callable[[], object]) -> None:
        """Do something that decides, and wait for another photo, or for the end."""
        before = self.item
        act()
        self.wait(lambda: self.item not in ("", before) or bool(self.empty), "the next photo")

    def all_saved(self) -> None:
        """Wait until the page says that all is saved."""
        expect(self.page.locator(".desk-saved")).to_have_text("All saved", timeout=PATIENCE)

    def leave_the_field(self) -> None:
        """Back from a menu or a field to the photo."""
        self.page.locator(".desk-stage").focus()

    def wait(self, is_done: Callable[[], bool], what: str) -> None:
        """Wait for something that happens soon."""
        end = time.monotonic() + PATIENCE / 1000
        while not is_done():
            assert time.monotonic() < end, f"waited for {what} in vain"
            self.page.wait_for_timeout(20)

    def cut_off(self, *events: str) -> None:
        """From now on requests for these events don't reach the server."""
        for event in events:
            self.page.route(f"**/run/{event}", lambda route: route.abort())

    def lose_answers(self, event: str, count: int) -> None:
        """The server gets the next requests, and its answers are lost."""
        left = [count]

        def lose(route: Route) -> None:
            if left[0] > 0:
                left[0] -= 1
                route.fetch()
                route.abort()
            else:
                route.continue_()

        self.page.route(f"**/run/{event}", lose)

    def reconnect(self) -> None:
        """The network is there again."""
        self.page.unroute_all()
