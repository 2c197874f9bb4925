"""The files of metrics of several processes: merged without losing a count, safe when there is no space."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from debonair.server.metrics_directory import enter
from debonair.web.metrics_files import AllProcesses, EndedProcesses, ReservedFile
from tests.chassis.serving import Served
from tests.faults.sample import wait_for


def write(directory: Path, name: str, values: dict[str, float], timestamp: float = 0.0) -> None:
    file: Any = MmapedDict(str(directory / f"{name}.db"))  # type: ignore[no-untyped-call]
    for key, value in values.items():
        file.write_value(key, value, timestamp)
    file.close()


def key(metric: str, name: str, **labels: str) -> str:
    return mmap_key(metric, name, list(labels), list(labels.values()), "help")


def samples(directory: Path) -> dict[str, float]:
    return {
        json.dumps([sample.name, sample.labels]): sample.value
        for metric in AllProcesses(directory).collect()
        for sample in metric.samples
    }


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A directory with the files of two processes, 11 and 12, each with every type of metric."""
    for pid, factor in ((11, 1.0), (12, 10.0)):
        write(
            tmp_path,
            f"counter_{pid}",
            {key("c", "c_total", rule=f"é{n}" * 50): n * factor for n in range(99)},
        )
        buckets = {key("h", "h_bucket", le=le): factor for le in ("0.1", "1.0", "+Inf")}
        write(tmp_path, f"histogram_{pid}", {key("h", "h_sum"): 0.25 * factor, **buckets})
        write(tmp_path, f"summary_{pid}", {key("s", "s_count"): factor, key("s", "s_sum"): factor})
        for mode in ("sum", "min", "max"):
            write(tmp_path, f"gauge_{mode}_{pid}", {key(mode, mode): factor})
        write(tmp_path, f"gauge_mostrecent_{pid}", {key("r", "r"): factor}, timestamp=100 - factor)
    return tmp_path


def test_merged_values_are_the_same_as_before(written: Path) -> None:
    before = samples(written)
    ended = EndedProcesses(written)
    ended.add(11)
    assert samples(written) == before
    ended.add(12)
    assert samples(written) == before
    assert not [path for path in written.iterdir() if path.stem.endswith(("_11", "_12"))]


def test_gauges_of_an_ended_process_that_have_no_sum_are_removed(tmp_path: Path) -> None:
    write(tmp_path, "gauge_livesum_11", {key("l", "l"): 1.0})
    write(tmp_path, "gauge_all_11", {key("a", "a"): 1.0})
    EndedProcesses(tmp_path).add(11)
    assert not samples(tmp_path)


def test_files_are_not_merged_while_they_are_read(written: Path) -> None:
    ended = EndedProcesses(written)
    reading = os.open(written, os.O_RDONLY)
    fcntl.flock(reading, fcntl.LOCK_SH)
    ended.add(11)
    assert (written / "counter_11.db").exists()
    os.close(reading)
    ended.merge()
    assert not (written / "counter_11.db").exists()


def no_space(*arguments: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_files_are_kept_when_there_is_no_space_to_merge_them(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, ended = samples(written), EndedProcesses(written)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", no_space)
        ended.add(11)
        assert samples(written) == before and (written / "counter_11.db").exists()
    ended.merge()
    assert samples(written) == before and not (written / "counter_11.db").exists()


def test_values_are_kept_in_memory_when_there_is_no_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", no_space)
    file: Any = ReservedFile(str(tmp_path / "counter_11.db"))
    file.write_value("name", 3.0, 0.0)
    assert file.read_value("name") == (3.0, 0.0)
    assert not list(tmp_path.iterdir())
    wait_for(lambda: "Cannot reserve space" in caplog.text, "the warning is logged")
    assert "No space left on device" in caplog.text


def test_values_move_to_memory_when_there_is_no_space_to_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "counter_11.db"
    file: Any = ReservedFile(str(path))
    file.write_value("first", 3.0, 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", no_space)
        for number in range(2000):
            file.write_value(f"name {number:0100}", float(number), 0.0)
    assert file.read_value("first") == (3.0, 0.0)
    assert file.read_value(f"name {1999:0100}") == (1999.0, 0.0)
    assert path.stat().st_size == 2**16
    for number in range(2000, 9000):  # it grows again, in memory
        file.write_value(f"name {number:0100}", float(number), 0.0)
    assert file.read_value(f"name {8999:0100}") == (8999.0, 0.0)


def test_reserved_file_has_all_of_its_blocks(tmp_path: Path) -> None:
    path = tmp_path / "counter_11.db"
    file: Any = ReservedFile(str(path))
    for number in range(2000):
        file.write_value(f"name {number:0100}", float(number), 0.0)
    assert path.stat().st_blocks * 512 >= path.stat().st_size > 2**16


def test_stale_directory_is_removed_and_one_in_use_is_kept(tmp_path: Path) -> None:
    (tmp_path / "stale").mkdir()
    (tmp_path / "stale" / "counter_1.db").touch()
    (tmp_path / "counter_1.db").touch()
    first = enter(tmp_path)
    assert list(tmp_path.iterdir()) == [first.path]
    second = enter(tmp_path)
    assert set(tmp_path.iterdir()) == {first.path, second.path}
    successor = enter(tmp_path, inherited=str(first.path))
    assert successor.path == first.path
    first.leave()
    assert first.path.exists()
    successor.leave()
    assert list(tmp_path.iterdir()) == [second.path]
    second.leave()
    assert not list(tmp_path.iterdir())


def test_metrics_of_all_workers_are_added_up(served: Served) -> None:
    assert {served.get("/") for _ in range(40)} == {(200, "here")}
    # The counts of the worker that is not asked are at most a second old.
    served.wait_for(lambda: served.counted() == 40)


def test_counts_of_workers_that_have_ended_are_kept_in_one_file(package: Path) -> None:
    service = Served(package, "max_requests = 1\n")
    try:
        for _ in range(40):
            assert service.get("/") == (200, "here")
        service.wait_for(lambda: len(service.metrics_files()) < 20)
        service.wait_for(lambda: service.counted() == 40)
    finally:
        service.stop()


def test_counts_of_a_worker_that_was_killed_are_kept(served: Served) -> None:
    for _ in range(40):
        served.get("/")
    served.wait_for(lambda: served.counted() == 40)
    killed = served.workers()
    for pid in killed:
        os.kill(int(pid), signal.SIGKILL)
    served.wait_for(lambda: len(served.workers() - killed) == 2 and served.counted() == 40)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a file system")
def test_service_goes_on_when_its_runtime_directory_is_full(package: Path) -> None:
    run = package.parents[1] / "instance" / "run"
    run.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", run], check=True)
    try:
        service = Served(package)
        try:
            with suppress(OSError), (run / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(b"\0" * 4096)
            before = service.workers()
            for pid in before:
                os.kill(int(pid), signal.SIGKILL)
            service.wait_for(lambda: len(service.workers() - before) == 2)
            for _ in range(20):
                assert service.get("/") == (200, "here")
            assert service.get("/metrics")[0] == 200
            assert service.command("running").returncode == 0
            log = service.stderr.read_text()
            assert "Cannot reserve space" in log and "SIGBUS" not in log, log
        finally:
            service.stop()
    finally:
        subprocess.run(["umount", "--lazy", run], check=True)
