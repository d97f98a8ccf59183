"""One person who labels as fast as a machine can, as a process of its own that may be killed at any moment.

    python -m tests.labeling.writer URL NAME COUNT JOURNAL

As the page does, it writes down what it is about to send, sends it, and notes that it was saved. Started again, it
first sends once more, with the same key, what it doesn't know to have been saved.
"""

import os
import sys
import time
from pathlib import Path

from labeling import queue
from labeling.judging import judge
from labeling.store import Store


def main(url: str, who: str, count: int, journal: Path) -> None:
    """Label until `count` labels are known to be saved."""
    store = Store(url)
    sent, saved = read(journal)
    with journal.open("a") as log:

        def label(number: int, item: int) -> None:
            judge(store, f"{who}-{number:06d}", who, item, "label", "Nepali" if number % 3 else "Asian")
            note(log, f"saved {number} {item}")

        for number in sorted(sent.keys() - saved.keys()):
            label(number, sent[number])
        done = len(sent)
        while done < count:
            items = queue.take(store, who, 1, count=min(10, count - done))
            if not items:
                time.sleep(0.05)  # the rest lies on other desks for now
            for item in items:
                note(log, f"sent {done} {item.id}")
                label(done, item.id)
                done += 1


def note(log: object, line: str) -> None:
    """A line that is in the file before anything else happens."""
    os.write(log.fileno(), f"{line}\n".encode())  # type: ignore[attr-defined]


def read(journal: Path) -> tuple[dict[int, int], dict[int, int]]:
    """What was sent, and what is known to be saved: number -> item."""
    found: dict[str, dict[int, int]] = {"sent": {}, "saved": {}}
    for line in journal.read_text().splitlines() if journal.exists() else []:
        word, number, item = line.split()
        found[word][int(number)] = int(item)
    return found["sent"], found["saved"]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
