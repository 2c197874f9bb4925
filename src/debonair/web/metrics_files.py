"""The files in which several processes keep the values of their metrics, and the sum of them.

prometheus_client maps a file of each process and type into memory. Here such a file is reserved on the disk
before it is mapped, the files of a process that has ended are merged into one, and reading them excludes
merging, so that no value is counted twice or not at all. All that is not public in prometheus_client and used
here is named in ``src/tests/chassis/test_adapters_prometheus.py``.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import prometheus_client.values
from prometheus_client import multiprocess
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

_INITIAL = 2**16
_MERGED = "merged"
_log = logging.getLogger(__name__)

_Value = tuple[float, float]
"""A value and its timestamp, which only gauges have."""

_COMBINE: dict[str, Callable[[_Value, _Value], _Value]] = {
    "counter": lambda old, new: (old[0] + new[0], 0.0),
    "histogram": lambda old, new: (old[0] + new[0], 0.0),
    "summary": lambda old, new: (old[0] + new[0], 0.0),
    "gauge_sum": lambda old, new: (old[0] + new[0], 0.0),
    "gauge_min": min,
    "gauge_max": max,
    "gauge_mostrecent": lambda old, new: max(old, new, key=lambda value: value[1]),
}
"""How two values of one metric are combined, by the first part of a file's name. Gauges of
the mode ``all`` and of the ``live`` modes have no value of a process that has ended."""


class ReservedFile(MmapedDict):
    """prometheus_client's mapped file, whose space is reserved: a full file system kills no process.

    Writing to a mapped page without space is SIGBUS. When there is no space, the values of this process are
    kept in its memory: they are missing in ``/metrics`` until the process is replaced, and a warning says so.
    """

    _f: Any
    _m: Any
    _capacity: int

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        try:
            _reserve(filename, _INITIAL)
            super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]
        except OSError as error:
            _warn(filename, error)
            self._keep_in_memory(b"")

    def _init_value(self, key: str) -> None:
        needed = self._used + 4 * len(key) + 64  # at most: a character of UTF-8 has four bytes
        capacity = self._capacity
        while capacity < needed:
            capacity *= 2
        if capacity > self._capacity:
            try:
                os.posix_fallocate(self._f.fileno(), 0, capacity)
            except OSError as error:
                _warn(self._f.name, error)
                content = bytes(self._m)
                self.close()  # type: ignore[no-untyped-call]
                self._keep_in_memory(content)
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _keep_in_memory(self, content: bytes) -> None:
        """Use a file in memory, which no file system bounds, with the given content."""
        descriptor = os.memfd_create("metrics")
        try:
            os.write(descriptor, content)
            super().__init__(f"/proc/self/fd/{descriptor}")  # type: ignore[no-untyped-call]
        finally:
            os.close(descriptor)


def _reserve(filename: str, size: int) -> None:
    """Give a file this size at least, with all of its blocks.

    :raises OSError: when there is no space; then a file that was made for this is removed.
    """
    with open(filename, "ab") as file:
        present = os.fstat(file.fileno()).st_size
        try:
            os.posix_fallocate(file.fileno(), 0, max(size, present))
        except OSError:
            if not present:
                os.unlink(filename)
            raise


def _warn(filename: str, error: OSError) -> None:
    message = "Cannot reserve space for %s: %s. /metrics lacks values of this process until it is replaced."
    # In a thread: prometheus_client holds its lock here, and a log handler may increment a metric.
    threading.Thread(target=_log.warning, args=(message, filename, error.strerror or error)).start()


def reserve_files() -> None:
    """Let the metrics of this process use :class:`ReservedFile`."""
    setattr(prometheus_client.values, "MmapedDict", ReservedFile)  # noqa: B010


class AllProcesses:
    """A collector of the metrics of all processes that use a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        """Return the metrics, each with its sum over all processes."""
        with _locked(self._directory, fcntl.LOCK_SH):
            # A file that was just made is empty for a moment.
            files = [str(path) for path in self._directory.glob("*.db") if path.stat().st_size]
            merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
            return merged


class EndedProcesses:
    """The processes of this server that have ended, whose files are merged.

    :param directory: the directory of the metrics.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._waiting: set[int] = set()

    def add(self, pid: int) -> None:
        """Merge the files of a process that has ended, now or when :meth:`merge` is called next."""
        self._waiting.add(pid)
        self.merge()

    def merge(self) -> None:
        """Merge the files that wait for it, unless ``/metrics`` is read just now. Does not block."""
        if not self._waiting:
            return
        try:
            with _locked(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB):
                for pid in sorted(self._waiting):
                    multiprocess.mark_process_dead(pid, str(self._directory))  # type: ignore[no-untyped-call]
                    for path in list(self._directory.glob(f"*_{pid}.db")):
                        _merge(path)
                    self._waiting.remove(pid)
        except OSError as error:  # locked, or there is no space: nothing is lost, and the next call retries
            _log.debug("The metrics of ended processes are merged later: %s.", error)


def _merge(path: Path) -> None:
    """Add the values of a file to those of all processes that have ended, and remove the file.

    :raises OSError: when there is no space; then both are unchanged.
    """
    kind = path.stem.rpartition("_")[0]
    combine = _COMBINE.get(kind)
    if combine is None:
        # A gauge of the mode "all": kept, there would be one file more for each process that has ended.
        path.unlink()
        return
    target = path.with_name(f"{kind}_{_MERGED}.db")
    values = dict(_values(target)) if target.exists() else {}
    for key, value in _values(path):
        values[key] = combine(values[key], value) if key in values else value
    draft = target.with_suffix(".new")
    draft.unlink(missing_ok=True)
    try:
        _reserve(str(draft), _INITIAL + sum(len(key.encode()) + 32 for key in values))
        file = MmapedDict(str(draft))  # type: ignore[no-untyped-call]
        for key, (number, timestamp) in values.items():
            file.write_value(key, number, timestamp)  # type: ignore[no-untyped-call]
        file.close()  # type: ignore[no-untyped-call]
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(target)
    path.unlink()


def _values(path: Path) -> Iterator[tuple[str, _Value]]:
    if not path.stat().st_size:
        return
    for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
        yield key, (value, timestamp)


@contextmanager
def _locked(directory: Path, kind: int) -> Iterator[None]:
    """Hold a lock on the files of a directory.

    :param kind: shared to read them, exclusive to merge them; with ``LOCK_NB`` not to wait.
    :raises BlockingIOError: when it is not to wait and another process has it.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
