"""Bodies that are read by the thread of their request: half of the threads may wait for them."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from tests.chassis.serving import Served

CODE = """

_create_app = create_app

def create_app(settings):
    app = _create_app(settings)

    def upload():
        name = os.path.join(os.path.dirname(os.environ["SLOW_BEGAN"]), flask.request.args["name"])
        size = len(flask.request.get_data())
        open(name + ".received", "w").close()
        while not os.path.exists(name + ".go"):
            time.sleep(0.02)
        return str(size)

    app.add_url_rule("/upload", "upload", upload, methods=["POST"])
    return app
"""
LENGTH = 200_000


def test_thread_that_has_received_its_body_lets_another_one_wait(package: Path) -> None:
    service = Served(package, "threads = 2\n", workers=1, code=CODE)
    directory = package.parent
    try:
        with ExitStack() as stack:
            clients = []
            for name in ("a", "b"):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 60))
                head = f"POST /upload?name={name} HTTP/1.0\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n"
                client.sendall(head.encode() + b"x" * LENGTH)
                # The view of "a" goes on when "b" has been received too.
                service.wait_for((directory / f"{name}.received").exists)
                clients.append(client)
            for name, client in zip(("a", "b"), clients, strict=True):
                (directory / f"{name}.go").touch()
                assert client.makefile("rb").read().endswith(str(LENGTH).encode())
        # No place was lost.
        with socket.create_connection(("127.0.0.1", service.port), 60) as client:
            head = f"POST /upload?name=a HTTP/1.0\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n"
            client.sendall(head.encode() + b"x" * LENGTH)
            assert client.makefile("rb").read().endswith(str(LENGTH).encode())
    finally:
        service.stop()
