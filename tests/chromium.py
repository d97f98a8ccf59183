"""Chromium, as the tests of pages start it."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

# Several tests run at a time, on machines that do other things too; what never comes still fails.
expect.set_options(timeout=30_000)

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


@contextmanager
def launched(path: str | None) -> Iterator[Browser]:
    """A browser; closed behind the tests that share it, since it keeps an event loop in this thread.

    Args:
        path: the system's Chromium; None means Playwright's own.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
