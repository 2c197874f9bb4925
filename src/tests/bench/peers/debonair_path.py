"""Debonair, with all that is on by default: the endpoints of ``flask_path``."""

from __future__ import annotations

from debonair_albums import Album, load
from sqlalchemy import select

from debonair import db

app = load()


@app.get("/trivial")
def trivial() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/title/<int:key>")
def title(key: int) -> dict[str, str | None]:
    return {"title": db.session.scalar(select(Album.title).where(Album.id == key))}
