"""Make requests of an application in process, with the interpreter of its own environment.

usage: driver.py < plan.json

It stands beside the applications, which it imports. The plan has ``module``, ``interface`` (``wsgi`` or
``asgi``) and ``steps``; a step has ``method``, ``target``, ``body``, ``content_type``, ``warm`` and
``count``. One line of JSON per step is printed: the status and the text of its first response. Each step
calls getppid(2) before and after its ``count`` requests, so that callgrind separates them.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import io
import json
import os
import sys
from typing import Any


def wsgi(app: Any, step: dict[str, Any], count: int) -> tuple[int, str]:
    """Make ``count`` requests of a WSGI application; return status and text of the last."""
    path, _, query = step["target"].partition("?")
    body = step["body"].encode()
    template = {
        "REQUEST_METHOD": step["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": step["target"],
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "gunicorn",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000",
        "HTTP_HOST": "127.0.0.1:5000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    if body:
        template |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": step["content_type"]}
    started: list[str] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started[:] = [status]

    text = b""
    for _ in range(count):
        response = app({**template, "wsgi.input": io.BytesIO(body)}, start)
        text = b"".join(response)
        if hasattr(response, "close"):
            response.close()
    return int(started[0][:3]), text.decode()


async def asgi(app: Any, step: dict[str, Any], count: int) -> tuple[int, str]:
    """Make ``count`` requests of an ASGI application; return status and text of the last."""
    path, _, query = step["target"].partition("?")
    body = step["body"].encode()
    headers = [(b"host", b"127.0.0.1:5000")]
    if body:
        headers += [
            (b"content-type", step["content_type"].encode()),
            (b"content-length", str(len(body)).encode()),
        ]
    template = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 5000),
        "client": ("127.0.0.1", 40000),
        "scheme": "http",
        "method": step["method"],
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
    }
    parts: list[bytes] = []
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))

    for _ in range(count):
        parts.clear()
        await app({**template, "headers": list(headers), "state": {}}, receive, send)
    return status, b"".join(parts).decode()


def run(plan: dict[str, Any]) -> None:
    """Carry out the plan."""
    app = importlib.import_module(plan["module"]).app
    with asyncio.Runner() as loop:

        def call(step: dict[str, Any], count: int) -> tuple[int, str]:
            if plan["interface"] == "asgi":
                return loop.run(asgi(app, step, count))
            return wsgi(app, step, count)

        for step in plan["steps"]:
            print(json.dumps(call(step, 1)), flush=True)
            if step["warm"]:
                call(step, step["warm"])
            gc.collect()
            os.getppid()
            call(step, step["count"])
            os.getppid()
        # Threads of the application, such as those of a pool, need not end first.
        os._exit(0)


if __name__ == "__main__":
    run(json.load(sys.stdin))
