"""The applications that the benchmark of resources compares: albums, each with its artist.

Each is one file, run in a virtual environment of its own. It reads the database's URI from ``BENCH_URI`` and
has the WSGI or ASGI application ``app``. It imports nothing of the tests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent

_FLASK = ("Flask==3.1.3", "Werkzeug==3.1.9", "gunicorn==27.0.1")


@dataclass(frozen=True)
class Peer:
    """One application.

    :param title: what the table calls it.
    :param module: its file in this package, without ``.py``.
    :param requirements: what pip installs for it; empty for Debonair, which runs in the tests' environment.
    :param page: the path of a page of ``{size}`` albums with their artists, with its query string.
    :param one: the path of one album with its artist.
    :param collection: the path that a POST creates an album at.
    :param interface: ``wsgi`` or ``asgi``.
    :param content_type: the media type of request bodies.
    """

    title: str
    module: str
    requirements: tuple[str, ...] = ()
    page: str = "/albums?page_size={size}"
    one: str = "/albums/1"
    collection: str = "/albums"
    interface: str = "wsgi"
    content_type: str = "application/json"

    def body(self) -> str:
        """Return the body of the request that creates an album."""
        album: dict[str, object] = {"title": "Balls to the Wall", "artist_id": 2}
        if self.content_type == "application/vnd.api+json":
            artist = {"artist": {"data": {"type": "artists", "id": "2"}}}
            title = {"title": album["title"]}
            album = {"data": {"type": "albums", "attributes": title, "relationships": artist}}
        return json.dumps(album)


PEERS = {
    "debonair": Peer(
        "Debonair, with all that is on by default", "debonair_albums",
        page="/albums?include=artist&page_size={size}", one="/albums/1?include=artist",
    ),
    "database_json": Peer(
        "the database's own JSON under bare Flask", "database_json", _FLASK,
    ),
    "fastapi": Peer(
        "FastAPI async, SQLAlchemy", "fastapi_sqlalchemy",
        ("fastapi==0.165.0", "SQLAlchemy[asyncio]==2.1.9", "aiosqlite==0.22.1", "uvicorn[standard]==0.54.0"),
        interface="asgi",
    ),
    "apiflask": Peer(
        "APIFlask, marshmallow", "apiflask_marshmallow",
        (*_FLASK, "APIFlask==3.1.2", "marshmallow==4.4.0", "Flask-SQLAlchemy==3.1.1", "SQLAlchemy==2.1.9"),
        page="/albums?per_page={size}",
    ),
    "flask_smorest": Peer(
        "flask-smorest, marshmallow-sqlalchemy", "smorest_marshmallow",
        (*_FLASK, "flask-smorest==0.47.0", "marshmallow-sqlalchemy==1.6.0", "marshmallow==4.4.0",
         "Flask-SQLAlchemy==3.1.1", "SQLAlchemy==2.1.9"),
    ),
    "django_rest": Peer(
        "Django REST framework", "django_albums",
        ("Django==5.2.19", "djangorestframework==3.18.3", "gunicorn==27.0.1"),
    ),
    "flask_restless": Peer(
        "flask-restless-ng", "restless_ng",
        ("Flask-Restless-NG==3.3.0", "Flask==3.0.3", "Werkzeug==3.1.9", "Flask-SQLAlchemy==3.1.1",
         "SQLAlchemy==2.0.58", "gunicorn==27.0.1"),
        page="/albums?include=artist&page%5Bsize%5D={size}", one="/albums/1?include=artist",
        content_type="application/vnd.api+json",
    ),
}  # fmt: skip
"""Each by the name that the command line has for it; the first is ours, the second the reference."""
