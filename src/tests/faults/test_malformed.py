"""Requests that are malformed or hostile: each is refused or harmless, and none costs a worker."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.sample import Answer, Sample, wait_for

HEAD = b"POST /checkin/ada HTTP/1.1\r\nHost: sample\r\n"
JSON = HEAD + b"Content-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def _no_harm(shared: Sample) -> Iterator[None]:
    """Hold every test to this: the service is ready afterwards, with the same workers."""
    before = shared.workers()
    yield
    shared.becomes_ready()
    assert shared.workers() == before


def refused(sample: Sample, data: bytes, logger: str = "gunicorn.error") -> int:
    """Return the status of the problem that refuses a request; 0 when the connection is just closed."""
    answer = sample.tell(data)
    if answer is None:
        return 0
    assert 400 <= answer.status <= 501 != 500, answer
    assert answer.problem["status"] == answer.status and answer.problem["detail"]
    assert answer.problem["request_id"] == answer.headers["x-request-id"]
    assert sample.entries_of(answer, logger)
    return answer.status


@pytest.mark.parametrize(
    "line",
    [
        b"HELLO",
        b"GET /health/live",
        b"GET /health/live HTTP/9.9",
        b"get /health/live HTTP/1.1",
        b"GET /last-seen/a\x00b HTTP/1.1",
        b"GET /last-seen/\xff HTTP/1.1",
        b"PRI * HTTP/2.0",
        bytes(range(256)),
    ],
)
def test_bad_request_line_is_refused(shared: Sample, line: bytes) -> None:
    assert refused(shared, line + b"\r\nHost: sample\r\n\r\n") == 400


def test_request_that_names_no_host_is_refused(shared: Sample) -> None:
    for host in (b"", b"Host: a b/<x>\r\n", b"Host: a@b:x\r\n"):
        assert refused(shared, b"GET /health/live HTTP/1.1\r\n" + host + b"\r\n", "debonair.access") == 400
    answer = shared.tell(b"GET /health/live HTTP/1.0\r\n\r\n")
    assert answer and answer.status == 200


def test_expectation_that_nobody_can_meet_is_refused(shared: Sample) -> None:
    assert refused(shared, HEAD + b"Expect: a miracle\r\n\r\n") == 417


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n", 414),
        (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 10_000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(200)), 431),
        (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 200_000 + b"\r\n", 431),
    ],
    ids=["line", "header", "number", "all"],
)
def test_huge_head_is_refused(shared: Sample, head: bytes, status: int) -> None:
    # A client that is still sending may find the connection closed before it has read the answer.
    assert refused(shared, head + b"Host: sample\r\n\r\n") in (status, 0)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: ten\r\n\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_wrong_content_length_is_refused(shared: Sample, headers: bytes) -> None:
    assert refused(shared, HEAD + headers) == 400


def test_body_that_ends_early_is_a_problem(shared: Sample) -> None:
    with shared.connect() as connection:
        connection.sendall(JSON + b"Content-Length: 50\r\n\r\n{}")
        connection.shutdown(1)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 400
        assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{} too long\r\n0\r\n\r\n"])
def test_bad_chunking_is_a_problem(shared: Sample, body: bytes) -> None:
    answer = shared.tell(JSON + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert answer and answer.status == 400 and answer.problem


def test_unknown_transfer_coding_is_refused(shared: Sample) -> None:
    assert refused(shared, HEAD + b"Transfer-Encoding: sdch\r\n\r\n0\r\n\r\n") in (400, 501)


@pytest.mark.parametrize(
    "body", ["{nope", "\xff\xfe", "[" * 200_000, '{"a":' * 200_000], ids=["text", "bytes", "lists", "maps"]
)
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_malformed_json_is_a_problem(shared: Sample, body: str, chunked: bool) -> None:
    data = body.encode("latin-1")
    with closing(http.client.HTTPConnection("127.0.0.1", shared.port, timeout=60)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/checkin/ada", iter([data]) if chunked else data, headers)
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, names, response.read())
    assert answer.status == 400 and "JSON" in answer.problem["detail"]
    assert not [entry for entry in shared.entries_of(answer) if entry["level"] == "ERROR"]


def test_too_large_body_is_a_problem(shared: Sample) -> None:
    answer = shared.tell(JSON + b"Content-Length: 99999999999999999999\r\n\r\n")
    assert answer and answer.status == 413 and "16777216 bytes" in answer.problem["detail"]


def test_wrong_method_is_a_problem_that_names_the_allowed_ones(shared: Sample) -> None:
    answer = shared.ask("DELETE", "/checkin/ada")
    assert answer.status == 405 and answer.problem["title"] == "Method Not Allowed"
    assert set(answer.headers["allow"].split(", ")) == {"POST", "OPTIONS"}
    assert shared.ask("INVENTED", "/checkin/ada").status == 405


def test_unknown_path_is_a_problem(shared: Sample) -> None:
    answer = shared.ask("GET", "/nowhere")
    assert answer.status == 404 and answer.problem["instance"] == "/nowhere"
    assert [entry["status"] for entry in shared.entries_of(answer)] == [404]


@pytest.mark.parametrize("name", ["a%00b", "%ff%fe", "%ed%a0%80", "a%0d%0aX-Evil:%201", "%e2%80%ae"])
def test_strange_bytes_in_a_path_are_data(shared: Sample, name: str) -> None:
    answer = shared.last_seen(name)
    assert answer.status in (404, 422) and answer.problem and "x-evil" not in answer.headers
    assert shared.check_in(name).status in (200, 422)
    assert [entry["status"] for entry in shared.entries_of(answer)] == [answer.status]


@pytest.mark.parametrize(
    "path", ["/../../../etc/passwd", "/last-seen/..%2f..%2f..%2fetc%2fpasswd", "//etc/passwd", "/%2e%2e/x"]
)
def test_path_traversal_leads_nowhere(shared: Sample, path: str) -> None:
    answer = shared.tell(f"GET {path} HTTP/1.1\r\nHost: sample\r\n\r\n".encode())
    assert answer and answer.status in (308, 404) and b"root:" not in answer.body


def test_request_id_that_is_not_well_formed_is_replaced(shared: Sample) -> None:
    for identity in ("abcdefgh%0d%0aX-Evil: 1", '{"level": "ERROR"}', "short", "x" * 500, "../../../../etc"):
        answer = shared.ask("GET", "/health/live", X_Request_ID=identity)
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert shared.ask("GET", "/health/live", X_Request_ID="a-good-id").headers["x-request-id"] == "a-good-id"


@pytest.mark.parametrize("broken", [b"\n", b"\r", b"\r\n ", b"\x00"])
def test_line_break_in_a_request_id_is_refused(shared: Sample, broken: bytes) -> None:
    head = b"GET /health/live HTTP/1.1\r\nHost: sample\r\nX-Request-ID: abcdefgh"
    assert refused(shared, head + broken + b"X-Evil: 1\r\n\r\n") == 400


def series(sample: Sample) -> set[str]:
    """Return the series of requests, without the values."""
    text = sample.ask("GET", "/metrics").body.decode()
    return set(re.findall(r"^(http_\S+) ", text, re.MULTILINE))


@pytest.mark.acceptance
def test_ten_thousand_wrong_paths_add_no_series(shared: Sample) -> None:
    for method in ("GET", "INVENTED"):
        shared.ask(method, "/nowhere")
    shared.ask("GET", "/metrics")
    # A worker adds its requests once a second.
    rules = ("<unmatched>", "/metrics")
    wait_for(lambda: all(f'rule="{rule}"' in str(series(shared)) for rule in rules), "they are counted")
    wait_for(lambda: 'method="OTHER"' in str(series(shared)), "the unknown method is counted")
    before = series(shared)
    with closing(http.client.HTTPConnection("127.0.0.1", shared.port, timeout=60)) as connection:
        for number in range(10_000):
            connection.request("GET" if number % 2 else f"METHOD{number}", f"/nowhere/{number}")
            response = connection.getresponse()
            response.read()
            assert response.status == 404
    assert series(shared) == before
