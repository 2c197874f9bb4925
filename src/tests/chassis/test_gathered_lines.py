"""Lines of the access log that a server gathers: complete, whole, and in the order of all records."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from debonair.logs import gathered, setup
from debonair.names import Service
from debonair.settings import LogSection


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """The log file of a process that gathers lines, as the workers of a server do."""
    root = logging.root
    before = root.handlers[:], root.level
    root.handlers.clear()
    path = tmp_path / "log" / "orders.log"
    section = LogSection(Service("orders", tmp_path), file=str(path), format="json", level="INFO")
    setup.configure(section, Service("orders", tmp_path), server=True)
    gathered.begin()
    yield path
    gathered.end()
    root.handlers[:], root.level = before
    gathered.connect(root.handlers)


def lines_of(*paths: Path) -> list[dict[str, object]]:
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def hello(app: Flask) -> Flask:
    """Add a route; and remove the handlers that pytest has for a test, beside which no line is gathered."""
    logging.root.handlers[:] = gathered._sinks
    app.add_url_rule("/hello/<int:client>/<int:number>", "hello", lambda client, number: {"n": number})
    return app


def test_line_is_written_soon_and_is_that_of_logging(
    make_app: Callable[..., Flask], log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = hello(make_app()).test_client()
    identity = {"X-Request-ID": "0123456789"}
    client.get("/hello/1/2", headers=identity)
    written = threading.Event()
    while not log.read_text():
        written.wait(0.01)
    gathered.end()
    client.get("/hello/1/2", headers=identity)
    first, second = lines_of(log)
    for volatile in ("timestamp", "duration_ms"):
        assert type(first.pop(volatile)) is type(second.pop(volatile))
    assert list(first.items()) == list(second.items())


def test_warning_is_written_at_once_and_after_the_lines_before_it(
    make_app: Callable[..., Flask], log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = threading.Event()
    while gathered._lines._expected:  # by an earlier test
        pause.wait(0.01)
    monkeypatch.setattr(gathered._lines, "expect", lambda: None)
    client = hello(make_app()).test_client()
    client.get("/hello/1/1")
    client.get("/hello/1/2")
    assert not log.read_text()
    logging.getLogger("orders").warning("the stock is empty")
    client.get("/hello/1/3")
    assert [line["message"] for line in lines_of(log)] == [
        "GET /hello/1/1 200", "GET /hello/1/2 200", "the stock is empty",
    ]  # fmt: skip
    gathered.end()
    assert len(lines_of(log)) == 4


def test_handler_of_the_service_gets_every_record_at_once(make_app: Callable[..., Flask], log: Path) -> None:
    seen: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = seen.append  # type: ignore[method-assign]
    logger = logging.getLogger("debonair.access")
    logger.addHandler(handler)
    try:
        hello(make_app()).test_client().get("/hello/1/2")
    finally:
        logger.removeHandler(handler)
    assert [record.getMessage() for record in seen] == ["GET /hello/1/2 200"]
    assert len(lines_of(log)) == 1


def test_lines_are_complete_and_in_order_while_the_file_is_rotated(
    make_app: Callable[..., Flask], log: Path
) -> None:
    app = hello(make_app())
    clients, each = 4, 1500

    def ask(client: int) -> None:
        browser = app.test_client()
        for number in range(each):
            assert browser.get(f"/hello/{client}/{number}").status_code == 200

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    rotated: list[Path] = []
    while any(thread.is_alive() for thread in threads):
        if log.exists() and log.stat().st_size:
            rotated.append(log.with_suffix(f".{len(rotated)}"))
            log.rename(rotated[-1])
        threads[0].join(0.05)
    for thread in threads:
        thread.join()
    gathered.end()
    entries = lines_of(*rotated, *([log] if log.exists() else []))
    assert len(rotated) > 1
    asked = [str(entry["path"]).split("/")[2:] for entry in entries if entry["logger"] == "debonair.access"]
    for client in range(clients):
        assert [int(number) for own, number in asked if int(own) == client] == list(range(each))


def test_lines_that_a_full_disk_does_not_take_are_counted_and_break_no_request(
    make_app: Callable[..., Flask], log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from debonair.logs import file

    lost: list[float] = []
    monkeypatch.setattr(file, "on_loss", [lost.append])
    log.unlink()
    log.symlink_to("/dev/full")
    client = hello(make_app()).test_client()
    for number in range(3):
        assert client.get(f"/hello/1/{number}").status_code == 200
    gathered.end()
    assert sum(lost) == 3


def test_pipe_gets_whole_lines_with_each_call(tmp_path: Path) -> None:
    from debonair.logs.sinks import StandardError

    reading, writing = os.pipe()
    sink = StandardError(os.fdopen(writing, "w"))
    sink.write_lines(["a" * 3000 + "\n", "b" * 3000 + "\n", "c" * 10 + "\n"])
    assert os.read(reading, 4096) == b"a" * 3000 + b"\n" + b"b" * 1095
    sink.stream.close()
    os.close(reading)
