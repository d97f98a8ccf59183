"""The page that `space` starts: the Label tab alone. Imports nothing of the tests, which would hide its settings."""

import signal
import sys

import app
from colorizer.tab_inputs import Page
from labeling import tab
from labeling.office import Office

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    office = Office()
    with Page(analytics_enabled=False) as page:
        tab.build(office)
    page.launch(server_name="127.0.0.1", quiet=True, **app.launch_options())
