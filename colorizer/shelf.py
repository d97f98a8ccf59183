"""Photos that visitors are still working on: a bounded shelf, so that a busy hour can't fill the memory."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Keeps the things used last, up to a number of bytes. Threads may share one."""

    def __init__(self, capacity: int) -> None:
        """Args:
        capacity: bytes kept together; an item larger than that is kept alone.
        """
        self.capacity = capacity
        # Each with its bytes, least recently used first.
        self._items: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, key: str, item: T, size: int) -> None:
        """Keep an item of `size` bytes under a key; what no longer fits leaves, least recently used first."""
        with self._lock:
            self._items.pop(key, None)
            self._items[key] = item, size
            while len(self._items) > 1 and sum(size for _, size in self._items.values()) > self.capacity:
                self._items.popitem(last=False)

    def get(self, key: str) -> T | None:
        """The item, which now counts as used last; None if it has left."""
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def drop(self, key: str) -> None:
        """Let an item go; an unknown key is no error."""
        with self._lock:
            self._items.pop(key, None)

    def __len__(self) -> int:
        return len(self._items)
