"""The page that a Space of the tests serves: the Train tab alone. Imports nothing of the tests."""

import hashlib
import signal
import sys

import app
import train.tab
from colorizer.tab_inputs import Page
from labeling.office import Office
from labeling.training_set import TrainingSet
from train.access import Person
from train.shop import Shop
from train.tab_events import publish


def tell_token(person: Person) -> str:
    """What only who is signed in knows of their token."""
    return hashlib.sha256((person.token or "").encode()).hexdigest()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    shop = Shop(labels=TrainingSet(Office()))
    with Page(analytics_enabled=False) as page:
        train.tab.build(shop)
        publish(shop.access, tell_token, "train_token", with_token=True)
        publish(shop.access, tell_token, "train_no_token")
    page.launch(server_name="127.0.0.1", quiet=True, **app.launch_options())
