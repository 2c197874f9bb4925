"""Bare Flask and Flask-SQLAlchemy: an endpoint that returns a constant, and one that reads a value."""

from __future__ import annotations

import os

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["BENCH_URI"]
db = SQLAlchemy(app, model_class=Base)


class Album(Base):
    __tablename__ = "albums"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


@app.get("/trivial")
def trivial() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/title/<int:key>")
def title(key: int) -> dict[str, str | None]:
    return {"title": db.session.scalar(select(Album.title).where(Album.id == key))}
