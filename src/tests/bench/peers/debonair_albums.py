"""Debonair: the resources of two models, with everything that is on by default in production."""

from __future__ import annotations

import os
import sys

from flask import Flask
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

import debonair
from debonair import application, config
from debonair.logs import gathered, setup
from debonair.names import Service
from debonair.rooms import sections
from debonair.settings import LogSection, Settings


class Artist(debonair.db.Model):
    __tablename__ = "artists"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(120))


class Album(debonair.db.Model):
    __tablename__ = "albums"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(160))
    artist_id: Mapped[int] = mapped_column(ForeignKey("artists.id"))
    artist: Mapped[Artist] = relationship(backref="albums")


def create_app(settings: Settings) -> Flask:
    app = application.create_app("debonair", settings)
    debonair.expose(app, Album, Artist)  # type: ignore[attr-defined, unused-ignore]
    return app


OVERRIDES = [
    "service.environment=production",
    f"database.uri={os.environ['BENCH_URI']}",
    f"log.file={os.environ['BENCH_LOG']}",
]


def load() -> Flask:
    """Return the application as ``serve`` makes it."""
    service = Service.of("debonair")
    configuration = config.load(service, sections(), environ={}, overrides=OVERRIDES)
    setup.configure(configuration.settings[LogSection], configuration.service, server=True)
    gathered.begin()  # as a worker does
    # Callgrind makes a process some fifty times slower: so as many requests share a write as in a worker.
    gathered._lines._delay = 50 * gathered.DELAY
    return create_app(configuration.settings)


if __name__ == "__main__":
    manager = debonair.Manager("debonair", __name__)
    sys.argv[1:1] = [f"--set={override}" for override in OVERRIDES]
    manager.run()
else:
    app = load()
