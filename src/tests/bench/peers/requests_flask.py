"""Bare Flask with Flask-SQLAlchemy: a constant, and one value from the database."""

from datetime import datetime
from os import environ

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = environ["BENCH_URI"]
db = SQLAlchemy(app, model_class=Base)


class CheckIn(db.Model):
    __tablename__ = "check_in"
    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@app.get("/trivial")
def trivial():
    return {"hello": "world"}


@app.get("/last-seen/<user>")
def last_seen(user):
    newest = db.session.scalar(select(func.max(CheckIn.at)).where(CheckIn.user == user))
    return {"user": user, "date": newest.date().isoformat()}
