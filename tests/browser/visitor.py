"""What a visitor does with the page, in the words of a visitor."""

import io
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.serving import Served

PATIENCE = 30_000  # milliseconds; the machine may be busy
# What Gradio's script and the browser say of requests that were under way when the page was left.
CUT_OFF = ("AbortError", "Connection errored out", "network error", "Failed to fetch", "net::ERR_")


class Visitor:
    """A browser's page and what can be done on it."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page = page
        self.desk = served.desk
        self.url = served.url
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.missing: list[str] = []
        """Addresses of files that the server said it doesn't have."""
        self.is_leaving = False
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self._complain(said.text) if said.type == "error" else None)
        page.on("pageerror", self._complain)
        page.on("response", lambda answer: self.missing.append(answer.url) if answer.status == 404 else None)
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.outside.append(url)

    def forgive_progress(self) -> None:
        """Gradio asks how far an upload is that it has refused or not begun, and complains of the answer."""
        assert all("404" in text or text == "Response" for text in self.complaints), self.complaints
        self.complaints.clear()

    def forgive_missing(self, folder: Path) -> None:
        """The page may have asked once more for files below a folder that has just been deleted, and for no other."""
        assert all(str(folder) in unquote(url) for url in self.missing), self.missing
        said = [
            text for text in self.complaints if text.startswith("Failed to load resource") and "404" in text
        ]
        assert len(said) <= len(self.missing)
        self.complaints = [text for text in self.complaints if text not in said]

    def arrive(self) -> None:
        """Open the page."""
        self.page.goto(self.url)
        expect(self.page.get_by_text("Drop a portrait here")).to_be_visible(timeout=PATIENCE)

    def give(self, file: Path | str | tuple[str, bytes], place: str = "#photo") -> None:
        """Choose a file in the photo's (or another) upload."""
        chosen = {"name": file[0], "mimeType": "", "buffer": file[1]} if isinstance(file, tuple) else file
        self.page.locator(f"{place} input[type=file]").first.set_input_files(chosen)  # type: ignore[arg-type]

    def colorize(self, file: Path | str | tuple[str, bytes]) -> None:
        """Give a photo and wait for its colours."""
        before = self.after_source()
        self.give(file)
        self.wait(lambda: self.after_source() not in ("", before), "a result")
        self.wait(self.is_after_loaded, "the result's picture")

    def _complain(self, error: object) -> None:
        """Keep what the page's script threw, but for requests that leaving the page cut off."""
        if not (self.is_leaving and any(words in str(error) for words in CUT_OFF)):
            self.complaints.append(str(error))

    def leave(self) -> None:
        """Close the browser's window, whatever the page is still asking for."""
        self.is_leaving = True
        self.page.context.close()

    def come_back(self) -> None:
        """Load the page anew."""
        self.is_leaving = True
        self.page.reload()
        expect(self.page.get_by_text("Drop a portrait here")).to_be_visible(timeout=PATIENCE)
        self.is_leaving = False

    def change(self, act: Callable[[], object]) -> None:
        """Do something that repaints, and wait for it."""
        before = self.desk.shown
        act()
        self.wait(lambda: self.desk.shown is not before and self.is_newest_shown(), "another result")
        self.wait(self.is_after_loaded, "the result's picture")

    def is_newest_shown(self) -> bool:
        """Whether the slider has the desk's last painting: its address changes more than once on the way there."""
        shown = self.desk.shown
        return shown is not None and "/".join(shown.after.parts[-3:-1]) + "/" in unquote(self.after_source())

    def wait(self, is_done: Callable[[], bool], what: str) -> None:
        """Wait for something that happens soon."""
        end = time.monotonic() + PATIENCE / 1000
        while not is_done():
            assert time.monotonic() < end, f"waited for {what} in vain"
            self.page.wait_for_timeout(50)

    @property
    def after(self) -> Locator:
        """The slider's coloured picture."""
        return self.page.locator("#before-after img").nth(1)

    def after_source(self) -> str:
        """Its address; empty before there is one."""
        return self.after.get_attribute("src") or "" if self.after.count() else ""

    def is_after_loaded(self) -> bool:
        return bool(self.after.evaluate("image => image.complete && image.naturalWidth > 0"))

    def download(self) -> tuple[str, bytes]:
        """Name and bytes of the file that the button gives."""
        with self.page.expect_download() as download:
            self.page.get_by_role("link", name="Download").or_(self.page.locator("#download")).first.click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def colours(self) -> np.ndarray:
        """(H, W, 3) uint8 of the file that the button gives."""
        return np.asarray(Image.open(io.BytesIO(self.download()[1])))

    @property
    def message(self) -> Locator:
        """What the page says of an error."""
        return self.page.get_by_role("alert").filter(has=self.page.locator("p"))

    def choose(self, face: int, palette: str) -> None:
        """Choose a palette in a face's menu."""
        self.page.get_by_label(f"Palette for face {face}").click()
        self.page.get_by_role("option", name=palette, exact=True).click()
