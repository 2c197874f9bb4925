"""The state file: by process role, of a process that runs, and read as untrusted input."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from debonair import config, rooms
from debonair.names import WORKER, Service
from debonair.server.state_file import StateFile


@pytest.fixture
def configuration(package: Path) -> config.Configuration:
    return config.load(Service.of("orders"), rooms.sections(), environ={})


@pytest.fixture
def path(configuration: config.Configuration) -> Path:
    path = configuration.service.state_file()
    path.parent.mkdir(parents=True)
    return path


def test_each_role_has_a_state_file_of_its_own(configuration: config.Configuration, path: Path) -> None:
    web, worker = StateFile(configuration), StateFile(configuration, WORKER)
    configuration.service.runtime_directory(WORKER).mkdir()
    assert web.write(["127.0.0.1:5000"])
    assert (web.difference(), worker.difference()) == (None, "is not running")
    assert worker.write(["127.0.0.1:5001"])
    web.remove()
    assert (web.difference(), worker.difference()) == ("is not running", None)


def test_state_of_another_process_that_runs_is_kept(
    configuration: config.Configuration, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = StateFile(configuration)
    state.write(["127.0.0.1:5000"])
    content = json.loads(path.read_text())
    with subprocess.Popen(["sleep", "infinity"]) as other:
        try:
            started = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
            path.write_text(json.dumps({**content, "pid": other.pid, "start_time": started}))
            assert not state.write(["127.0.0.1:5001"])
            assert f"Process {other.pid} runs this service already" in caplog.text
            state.remove()
            assert (state.read() or {})["pid"] == other.pid
            assert state.write(["127.0.0.1:5001"], replaces=other.pid)
            assert (state.read() or {})["pid"] == os.getpid()
        finally:
            other.kill()


def test_process_with_a_reused_id_is_not_the_one_that_runs(
    configuration: config.Configuration, path: Path
) -> None:
    state = StateFile(configuration)
    state.write(["127.0.0.1:5000"])
    path.write_text(json.dumps({**json.loads(path.read_text()), "start_time": "1"}))
    assert state.difference() == "is not running"


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1\x1b[2J"},
        {"pid": "1"},
        {"pid": True},
        {"addresses": []},
        {"addresses": [1]},
        {"addresses": ["127.0.0.1:²"]},
        {"addresses": [f"{'x' * 300}:80"]},
        {"addresses": ["127.0.0.1"]},
        None,
    ],
)
def test_state_of_another_shape_counts_as_none(
    configuration: config.Configuration, path: Path, change: dict[str, Any] | None
) -> None:
    state = StateFile(configuration)
    state.write(["127.0.0.1:5000"])
    content = {**json.loads(path.read_text()), **change} if change else [1]
    path.write_text(json.dumps(content))
    assert state.read() is None


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_state_file_that_is_no_file_is_not_read(
    configuration: config.Configuration, path: Path, make: Any
) -> None:
    make(path)
    assert StateFile(configuration).read() is None


def test_state_that_cannot_be_written_is_logged(
    configuration: config.Configuration, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.mkdir()
    assert not StateFile(configuration).write(["127.0.0.1:5000"])
    assert f"Cannot write {path}: Is a directory" in caplog.text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "address", ["127.0.0.1:5000", "[::1]:5000", "localhost:80", ":80", "/run/orders/socket"]
)
def test_state_has_every_address_that_a_server_listens_on(
    configuration: config.Configuration, path: Path, address: str
) -> None:
    state = StateFile(configuration)
    state.write([address])
    found = state.read()
    assert found is not None and found["addresses"] == [address]
