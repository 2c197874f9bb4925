"""The log file under load: rotated without losing or mixing a line, and free of secrets."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.sample import ROOT, Sample, Serve, wait_for

SECRETS = {
    "bearer": "eyJhbGciOi.bearer-token",
    "password": "p4ssw0rd-of-basic",
    "cookie": "session-cookie-value",
    "key": "api-key-value",
    "option": "secret-key-of-flask",
}


PATHS = ("/health/live", "/nowhere")


def configured(sample: Sample, directory: Path) -> Path:
    """Return a configuration of logrotate for the sample's log file."""
    configuration = directory / "logrotate.conf"
    # What the package installs, but for the user that it names and the compression.
    template = ROOT / "src" / "debonair" / "deb" / "templates" / "logrotate"
    dropped = ("su ", "compress", "delaycompress", "weekly")
    lines = [line for line in template.read_text().splitlines() if not line.strip().startswith(dropped)]
    text = "\n".join(lines).replace("/var/log/#SERVICE#", str(sample.log.parent))
    configuration.write_text(text.replace("rotate 8", "rotate 99") + "\n")
    configuration.chmod(0o644)
    sample.log.parent.chmod(0o755)
    return configuration


def rotate(sample: Sample, configuration: Path) -> None:
    """Rotate the file, as Debian does every week."""
    logrotate = shutil.which("logrotate", path="/usr/sbin:/usr/bin")
    if logrotate is None:
        pytest.skip("there is no logrotate: apt-get install logrotate")
    state = configuration.with_suffix(".state")
    subprocess.run([logrotate, "--force", "--state", state, configuration], check=True)


@pytest.mark.acceptance
def test_rotated_file_loses_and_mixes_no_line(serve: Serve, tmp_path: Path) -> None:
    sample = serve(server_workers=8, server_threads=2)
    configuration = configured(sample, tmp_path)
    answered: list[str] = []
    ended = threading.Event()

    def ask() -> None:
        # Its line is longer than the buffers of Python's files.
        path = "/nowhere/" + "long" * 1000
        while not ended.is_set():
            answered.append(sample.ask("GET", path).headers["x-request-id"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for rotation in range(1, 9):
        wanted = len(answered) + 60
        wait_for(lambda: len(answered) >= wanted, "requests are answered")  # noqa: B023
        rotate(sample, configuration)
        wait_for(lambda: len(list(sample.log.parent.iterdir())) > rotation, "it is rotated")  # noqa: B023
    ended.set()
    for thread in threads:
        thread.join()
    sample.stop()

    files = list(sample.log.parent.iterdir())
    lines = [line for file in files for line in file.read_text().splitlines()]
    entries = [json.loads(line) for line in lines]
    logged = Counter(entry["request_id"] for entry in entries if entry["logger"] == "debonair.access")
    assert len(files) == 9
    assert max(map(len, lines)) > io.DEFAULT_BUFFER_SIZE
    assert set(answered) <= set(logged)
    assert {identity for identity in answered if logged[identity] != 1} == set()


class Pipelining:
    """A client that sends many requests on one connection, some at a time, each with an id of its own.

    :ivar statuses: of the responses, in their order.
    """

    def __init__(self, sample: Sample, number: int) -> None:
        self._sample = sample
        self._number = number
        self.statuses: list[int] = []

    def identity(self, index: int) -> str:
        """Return the id of a request."""
        return f"client-{self._number}-{index}"

    def request(self, index: int) -> bytes:
        """Return the request with this number."""
        path = PATHS[index % len(PATHS)]
        return f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Request-ID: {self.identity(index)}\r\n\r\n".encode()

    def ask(self, count: int, together: int = 10) -> None:
        """Send so many requests, and receive the responses: their ids are in the order of the requests."""
        with self._sample.connect() as connection, connection.makefile("rb") as stream:
            for first in range(0, count, together):
                connection.sendall(b"".join(map(self.request, range(first, first + together))))
                for index in range(first, first + together):
                    self.statuses.append(int(stream.readline().split()[1]))
                    lines = iter(stream.readline, b"\r\n")
                    headers = dict(line.decode().lower().rstrip().split(": ", 1) for line in lines)
                    stream.read(int(headers["content-length"]))
                    assert headers["x-request-id"] == self.identity(index)


@pytest.mark.acceptance
def test_hundred_thousand_requests_are_logged_in_order_and_counted_while_the_file_is_rotated(
    serve: Serve, tmp_path: Path
) -> None:
    sample = serve()
    configuration = configured(sample, tmp_path)
    clients, each = [Pipelining(sample, number) for number in range(10)], 10_000
    before = Counter(entry["status"] for entry in sample.entries() if entry.get("path") in PATHS)
    with ThreadPoolExecutor(len(clients)) as pool:
        asking = [pool.submit(client.ask, each) for client in clients]
        rotations = 0
        while not all(future.done() for future in asking):
            wanted = sum(len(client.statuses) for client in clients) + 9000

            def answered(wanted: int = wanted) -> bool:
                done = [future.result() for future in asking if future.done()]
                return len(done) == len(asking) or sum(len(each.statuses) for each in clients) >= wanted

            wait_for(answered, "requests are answered")
            rotate(sample, configuration)
            rotations += 1

            def rotated(files: int = rotations) -> bool:
                # The service makes the new file with its next line.
                is_new = len(list(sample.log.parent.iterdir())) > files
                return is_new or all(future.done() for future in asking)

            wait_for(rotated, "it is rotated")
        for future in asking:
            future.result()
    assert rotations > 3
    received = Counter(status for client in clients for status in client.statuses)
    assert received == {200: each * 5, 404: each * 5}

    def counted() -> bool:
        text = sample.ask("GET", "/metrics").body.decode()
        pattern = (
            r'^http_requests_total{method="GET",rule="(?:/health/live|<unmatched>)",status="(\d+)"} (\S+)$'
        )
        found = {
            int(status): int(float(number)) for status, number in re.findall(pattern, text, re.MULTILINE)
        }
        return found == received + before

    wait_for(counted, "the metrics have every request")
    sample.stop()
    # The file is first, then .1, .2 and so on: the newer, the lower.
    files = sorted(sample.log.parent.iterdir(), key=lambda file: -int(file.suffix[1:].replace("log", "0")))
    entries = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    logged = [entry for entry in entries if entry.get("path") in PATHS]
    assert Counter(entry["status"] for entry in logged) == received + before
    for number, client in enumerate(clients):
        own = [entry for entry in logged if entry["request_id"].startswith(f"client-{number}-")]
        assert [entry["request_id"] for entry in own] == [client.identity(index) for index in range(each)]
        assert [entry["status"] for entry in own] == client.statuses


def test_counts_of_client_log_and_metrics_are_equal_after_sigterm(serve: Serve) -> None:
    sample = serve(server_workers=2)
    statuses: list[int] = []

    def ask() -> None:
        statuses.extend(sample.ask("GET", "/last-seen/nobody").status for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def counted() -> bool:
        text = sample.ask("GET", "/metrics").body.decode()
        found = re.findall(r'^http_requests_total{.*rule="/last-seen/[^"]*".*} (\S+)$', text, re.MULTILINE)
        return sum(map(float, found)) == len(statuses)

    wait_for(counted, "the metrics have every request")
    statuses += [sample.ask("GET", "/last-seen/nobody").status for _ in range(20)]
    sample.stop()
    logged = [
        entry["status"] for entry in sample.entries() if str(entry.get("path")).startswith("/last-seen/")
    ]
    assert sorted(logged) == sorted(statuses)


def test_log_file_that_cannot_be_opened_breaks_no_request(serve: Serve) -> None:
    sample = serve()
    shutil.rmtree(sample.log.parent)
    sample.log.parent.touch()
    assert sample.check_in("ada").status == 200
    assert sample.last_seen("ada").status == 200
    assert "cannot be written" in sample.stderr.read_text()
    lost = re.search(
        r"^log_records_lost_total (\S+)$", sample.ask("GET", "/metrics").body.decode(), re.MULTILINE
    )
    assert lost and float(lost[1]) >= 2
    sample.log.parent.unlink()
    sample.log.parent.mkdir()

    def logged() -> bool:
        sample.check_in("bob")
        return any(entry.get("path") == "/checkin/bob" for entry in sample.entries())

    wait_for(logged, "the log file is written again")


@pytest.mark.acceptance
def test_no_secret_is_in_any_line(serve: Serve) -> None:
    sample = serve(log_level="DEBUG", flask_SECRET_KEY=SECRETS["option"])
    basic = base64.b64encode(f"ada:{SECRETS['password']}".encode()).decode()
    for authorization in (f"Bearer {SECRETS['bearer']}", f"Basic {basic}"):
        for method, path in (("GET", "/nowhere"), ("POST", "/checkin/ada"), ("DELETE", "/checkin/ada")):
            sample.ask(
                method, path, Authorization=authorization, Proxy_Authorization=authorization,
                Cookie=f"session={SECRETS['cookie']}", X_API_Key=SECRETS["key"],
            )  # fmt: skip
    # Also not where gunicorn complains about the request.
    head = f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {SECRETS['bearer']}\x00\r\n\r\n"
    refused = sample.tell(head.encode())
    assert refused and refused.status == 400
    folded = sample.tell(f"GET / HTTP/1.1\r\nAuthorization: Bearer\r\n {SECRETS['bearer']}\r\n\r\n".encode())
    assert folded and folded.status == 400
    sample.stop()
    text = sample.log.read_text() + sample.stderr.read_text()
    assert "/checkin/ada" in text
    for secret in (*SECRETS.values(), basic):
        assert secret not in text
