"""Any WSGI server serves the application, and gunicorn with each class of worker."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
APPLICATION = "orders.wsgi:app"
COMMANDS = {
    "gunicorn": [BIN / "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:{port}", APPLICATION],
    "waitress": [BIN / "waitress-serve", "--listen", "127.0.0.1:{port}", APPLICATION],
    "granian": [BIN / "granian", "--interface", "wsgi", "--port", "{port}", APPLICATION],
    "pyuwsgi": [
        BIN / "uwsgi", "--http-socket", "127.0.0.1:{port}", "--master", "--die-on-term", "--need-app",
        "--enable-threads", "--virtualenv", str(BIN.parent), "--module", APPLICATION,
    ],
    "werkzeug": [
        sys.executable, "-m", "flask", "--app", APPLICATION, "run", "--port", "{port}", "--no-reload",
    ],
    "gevent": [sys.executable, "-c", "import debonair; debonair.Manager('orders').run()",
               "--set", "server.worker_class=gevent", "--set", "server.port={port}", "serve"],
    "sync": [sys.executable, "-c", "import debonair; debonair.Manager('orders').run()",
             "--set", "server.worker_class=sync", "--set", "server.port={port}", "serve"],
}  # fmt: skip
MODULES = {"pyuwsgi": "pyuwsgi", "waitress": "waitress", "granian": "granian", "gevent": "gevent"}


@pytest.mark.parametrize("name", COMMANDS)
def test_server_serves_the_application(name: str, package: Path, tmp_path: Path) -> None:
    if name in MODULES and not (importlib.util.find_spec(MODULES[name]) or shutil.which(name)):
        pytest.skip(f"{name} is missing: pip install -e '.[servers]'")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(part).replace("{port}", str(port)) for part in COMMANDS[name]]
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "ORDERS_LOG_FORMAT": "json"}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path)
    try:
        limit = time.monotonic() + 20
        while True:
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
                    report = json.load(answer)
                break
            except OSError:
                assert time.monotonic() < limit, (tmp_path / "log").read_text()
                time.sleep(0.02)
        assert report["status"] == "ready"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"http_requests_total" in answer.read()
        if name in ("gevent", "sync"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(b"HELLO\r\n\r\n")
                assert b"\r\nContent-Type: application/problem+json\r\n" in connection.makefile("rb").read()
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert '"path":"/health/ready"' in (tmp_path / "log").read_text()
