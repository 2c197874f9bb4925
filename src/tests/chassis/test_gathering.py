"""Items that are gathered: each is processed once, in order, in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from debonair.gathering import Gathering


def test_items_of_many_threads_are_processed_once_and_in_the_order_of_each() -> None:
    taken: list[tuple[int, int]] = []
    gathering: Gathering[tuple[int, int]] = Gathering(taken.extend, 0.001, most=50)

    def add(thread: int) -> None:
        for number in range(2000):
            gathering.add((thread, number))

    threads = [threading.Thread(target=add, args=(thread,)) for thread in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    gathering.flush()
    assert len(taken) == 8000
    for thread in range(4):
        assert [number for own, number in taken if own == thread] == list(range(2000))


def test_item_is_processed_without_a_further_call() -> None:
    processed = threading.Event()
    gathering: Gathering[int] = Gathering(lambda items: processed.set() if items else None, 0.001, most=50)
    for _ in range(3):
        processed.clear()
        gathering.add(1)
        assert processed.wait(60)


def test_without_a_delay_items_wait_for_the_flush_or_the_most() -> None:
    taken: list[int] = []
    gathering: Gathering[int] = Gathering(taken.extend, None, most=3)
    gathering.add(1)
    gathering.add(2)
    assert not taken
    gathering.flush()
    assert taken == [1, 2]
    for number in (3, 4, 5):
        gathering.add(number)
    assert taken == [1, 2, 3, 4, 5]


PROGRAM = """
import os, sys
from debonair.gathering import Gathering
gathering = Gathering(lambda items: os.write(1, "".join(items).encode()), 3600, most=1000)
gathering.add(f"parent of {os.getpid()}\\n")
child = os.fork()
gathering.add(f"own of {os.getpid()}\\n")
if child:
    os.waitpid(child, 0)
sys.exit(0)
"""


def test_end_of_a_process_leaves_nothing_and_a_child_has_none_of_its_parent() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    child, parent, own = ran.stdout.splitlines()
    assert child.startswith("own of") and parent.startswith("parent of") and own.startswith("own of")
    assert parent.split()[-1] == own.split()[-1] != child.split()[-1]
    assert int(own.split()[-1]) != os.getpid()
