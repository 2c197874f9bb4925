"""Logs: one line an event, with the request id; a command leaves the log file alone."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from debonair.logs.lines import JsonFormatter, TextFormatter
from debonair.names import Service

PROGRAM = """
import logging
from pathlib import Path
from debonair.logs import setup as logs
from debonair.context import bind_request_id
from debonair.names import Service
from debonair.settings import LogSection

service = Service("orders", Path("."))
settings = LogSection(service, file={file!r}, format={format!r}, level="INFO")
logs.configure(settings, service, server={server})
bind_request_id("0123456789abcdef")
log = logging.getLogger("orders.views")
log.info("an order of %d", 5, extra={{"customer": "Jo\\nhn"}})
try:
    1 / 0
except ZeroDivisionError:
    log.exception("it failed")
"""


def run(file: Path | str, form: str, server: bool) -> list[str]:
    program = PROGRAM.format(file=str(file), format=form, server=server)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return ran.stderr.splitlines()


def test_json_is_one_object_a_line_tracebacks_included(tmp_path: Path) -> None:
    lines = run(tmp_path / "log" / "orders.log", "json", True)
    first, second = (json.loads(line) for line in lines)
    assert (first["message"], first["level"], first["logger"]) == ("an order of 5", "INFO", "orders.views")
    assert (first["request_id"], first["service"]) == ("0123456789abcdef", "orders")
    assert first["customer"] == "Jo\nhn"
    assert first["timestamp"].endswith("+00:00")
    assert "ZeroDivisionError" in second["exc_info"]
    assert (tmp_path / "log" / "orders.log").read_text().splitlines() == lines


def test_text_has_the_request_id() -> None:
    lines = run("", "text", True)
    assert "INFO orders.views [0123456789abcdef] an order of 5" in lines[0]


def test_command_logs_only_warnings_and_makes_no_file(tmp_path: Path) -> None:
    lines = run(tmp_path / "orders.log", "json", False)
    assert "it failed" in lines[0]
    assert not (tmp_path / "orders.log").exists()


class Mute:
    """An object that cannot be written."""

    def __str__(self) -> str:
        raise RuntimeError("not now")


@pytest.mark.parametrize(
    "value", ["half a character \ud83d", 2**70, {("a", "b"): 1}, object(), Mute(), float("nan")], ids=type
)
def test_json_has_a_line_whatever_the_call_adds(value: object) -> None:
    formatter = JsonFormatter(Service("orders", Path(".")))
    plain = {"text": "as it is, in 1\u2028line\x85or\u20292", "number": 200, "truth": False, "counts": {1: 2}}
    (text,) = formatter.format(
        logging.makeLogRecord({"msg": "it is odd", "odd": value, **plain})
    ).splitlines()
    line = json.loads(text)
    assert "odd" in line and line["message"] == "it is odd"
    assert {name: line[name] for name in plain} == {**plain, "counts": {"1": 2}}
    datetime.fromisoformat(line["timestamp"])


def test_json_survives_a_circle() -> None:
    circle: list[object] = []
    circle.append(circle)
    line = JsonFormatter(Service("orders", Path("."))).format(logging.makeLogRecord({"odd": circle}))
    assert json.loads(line)["odd"] == "[[...]]"


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\u2028", "\x85", "\x0b"])
def test_message_cannot_forge_a_line_of_text(mark: str) -> None:
    forged = f"/a{mark}12:00:00 ERROR orders the stock is empty"
    text = TextFormatter("%(levelname)s %(message)s").format(
        logging.makeLogRecord({"msg": "GET %s", "args": (forged,), "levelname": "INFO"})
    )
    first, *others = text.splitlines()
    assert first.startswith("INFO GET /a")
    assert all(line.startswith("    ") for line in others)


def test_message_cannot_control_a_terminal() -> None:
    record = logging.makeLogRecord({"msg": "\x1b[31mred\x07\x9b", "levelname": "INFO"})
    assert TextFormatter("%(message)s").format(record) == r"\x1b[31mred\x07\x9b"
