"""What several tests share: where the checkout is, settings of the chassis alone, and a server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.serving import make_server

from debonair import rooms
from debonair.names import Service
from debonair.settings import Settings, has_instances, name_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ROOT = Path(__file__).resolve().parents[2]


def chassis_settings(**values: dict[str, Any]) -> Settings:
    """Return settings of the chassis alone, with the given values over the defaults."""
    service = Service.of("debonair")
    single = [section for section in rooms.sections() if not has_instances(section)]
    return Settings(section(service, **values.get(name_of(section), {})) for section in single)


@contextmanager
def serving(app: WSGIApplication) -> Iterator[str]:
    """Serve an application on a port of its own while the block runs; yields its URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
