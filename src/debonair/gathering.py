"""Items that are gathered in memory and processed together a moment later, by a thread of the process.

A request only appends its item to a list, which needs no lock. Items that a parent process has gathered are
the parent's: a child begins with none. At the end of the process, what is left is processed (``atexit``); a
process that is killed or crashes loses it.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class Gathering(Generic[T]):
    """Items that wait to be processed.

    :param process: called with items in the order in which they were added, by one thread at a time.
    :param delay: seconds that an item waits at most while the process runs; None for no thread, so that items
        wait for :meth:`flush`.
    :param most: the number of items at which the thread that adds one processes all of them itself.
    :param lock: held during ``process``; who passes one renews it after a fork. Default: one of its own.
    """

    def __init__(
        self, process: Callable[[list[T]], None], delay: float | None, *, most: int, lock: Any = None
    ) -> None:
        self._process = process
        self._delay = delay
        self._most = most
        self._given_lock = lock
        self._begin_anew()
        _gatherings.add(self)

    def _begin_anew(self) -> None:
        self._items: list[T] = []
        self._lock = self._given_lock or threading.RLock()
        self._start_lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._expected = False

    def add(self, item: T) -> None:
        """Add an item, which is processed within the delay."""
        self._items.append(item)
        if not self._expected:
            self.expect()
        if len(self._items) >= self._most:
            self.flush()

    def expect(self) -> None:
        """Let ``process`` be called within the delay, if need be with no item."""
        if self._expected or self._delay is None:
            return
        self._expected = True
        try:
            with self._start_lock:
                if self._thread is None:
                    thread = threading.Thread(
                        target=self._run, args=(self._delay,), name="gathering", daemon=True
                    )
                    thread.start()
                    self._thread = thread
        except RuntimeError:  # the interpreter ends, or there may be no further thread
            self._expected = False
            self.flush()
        self._wake.set()

    def flush(self) -> None:
        """Process all items that were added before the call; return when that is done."""
        with self._lock:
            # The list stays the same one: another thread may be about to append to it.
            items = self._items[:]
            del self._items[: len(items)]
            self._process(items)

    def _run(self, delay: float) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            time.sleep(delay)
            self._expected = False  # before the flush: what is added from now on is expected anew
            self.flush()


_gatherings: WeakSet[Gathering[Any]] = WeakSet()


def _begin_anew() -> None:
    for gathering in _gatherings:
        gathering._begin_anew()


def flush_all() -> None:
    """Process everything that is gathered in this process."""
    for gathering in list(_gatherings):
        gathering.flush()


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(flush_all)
