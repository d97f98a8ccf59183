"""The page, served once a test run in this process, and what it did behind the browser's back."""

import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from colorizer.desk import Desk, Shown
from colorizer.errors import RanginError
from colorizer.settings import get_settings


@dataclass
class Served:
    """A running page."""

    url: str
    desk: "WatchedDesk"
    page: Any
    """The gr.Blocks."""


class WatchedDesk(Desk):
    """A desk that writes down what it was asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.outcomes: list[str] = []
        """Of each opened photo: "photo", or the error's sentence."""
        self.shown: Shown | None = None
        self.detections = _Counted()
        self.estimates = _Counted()

    def watch(self) -> None:
        """Count searches for faces and estimates from now on."""
        self.detections.wrap(self.colorizer.detector, "detect")
        self.estimates.wrap(self.colorizer.classifier, "classify")

    def open(self, *given: Any, **options: Any) -> Shown:
        try:
            shown = super().open(*given, **options)
        except RanginError as error:
            self.outcomes.append(str(error))
            raise
        self.outcomes.append("photo")
        return shown

    def show(self, *given: Any, **options: Any) -> Shown:
        self.shown = super().show(*given, **options)
        return self.shown


@dataclass
class _Counted:
    calls: int = 0

    def wrap(self, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counted(*given: Any, **options: Any) -> Any:
            self.calls += 1
            return original(*given, **options)

        setattr(owner, name, counted)


@lru_cache(maxsize=1)
def serve() -> Served:
    """Start the page on a free port; it ends with the process."""
    import app

    desk = WatchedDesk(app.keep_files(get_settings()).folder)
    desk.watch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = app.build(desk)
    _, url, _ = page.launch(
        **app.launch_options(),
        prevent_thread_lock=True,
        server_name="127.0.0.1",
        server_port=port,
        quiet=True,
    )
    return Served(url.rstrip("/"), desk, page)
