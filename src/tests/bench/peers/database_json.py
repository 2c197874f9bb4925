"""The database's own JSON under bare Flask: what no framework can do with less."""

from __future__ import annotations

import json
import os
import sqlite3
import threading

from flask import Flask, Response, request

COUNT = "SELECT count(*) FROM albums"
ALBUM = "json_object('id', a.id, 'title', a.title, 'artist_id', a.artist_id, 'artist', {artist})".format(
    artist="json_object('id', r.id, 'name', r.name)"
)
PAGE = f"""SELECT json_group_array(json(album)) FROM (SELECT {ALBUM} AS album FROM albums AS a
    LEFT JOIN artists AS r ON r.id = a.artist_id ORDER BY a.id LIMIT ? OFFSET ?)"""
ONE = f"SELECT {ALBUM} FROM albums AS a LEFT JOIN artists AS r ON r.id = a.artist_id WHERE a.id = ?"
CREATE = """INSERT INTO albums (title, artist_id) VALUES (?, ?)
    RETURNING json_object('id', id, 'title', title, 'artist_id', artist_id)"""

app = Flask(__name__)
local = threading.local()


def connection() -> sqlite3.Connection:
    if not hasattr(local, "connection"):
        path = os.environ["BENCH_URI"].removeprefix("sqlite:///")
        local.connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        local.connection.execute("PRAGMA foreign_keys = ON")
        local.connection.execute("PRAGMA journal_mode = WAL")
    found: sqlite3.Connection = local.connection
    return found


@app.get("/albums")
def page() -> Response:
    number = request.args.get("page", 1, int)
    size = request.args.get("page_size", 20, int)
    database = connection()
    (count,) = database.execute(COUNT).fetchone()
    (objects,) = database.execute(PAGE, (size, (number - 1) * size)).fetchone()
    text = f'{{"num_results":{count},"objects":{objects},"page":{number},"total_pages":{-(-count // size)}}}'
    return Response(text, content_type="application/json")


@app.get("/albums/<int:key>")
def one(key: int) -> Response:
    found = connection().execute(ONE, (key,)).fetchone()
    if found is None:
        return Response('{"title":"Not Found"}', 404, content_type="application/problem+json")
    return Response(found[0], content_type="application/json")


@app.post("/albums")
def create() -> Response:
    album = request.get_json()
    (text,) = connection().execute(CREATE, (album["title"], album["artist_id"])).fetchone()
    location = f"/albums/{json.loads(text)['id']}"
    return Response(text, 201, {"Location": location}, content_type="application/json")
