"""FastAPI with SQLAlchemy: a constant, by ``async def`` and by ``def``, and one value from the database."""

from collections.abc import Iterator
from datetime import date, datetime
from os import environ
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import DateTime, String, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

engine = create_engine(environ["BENCH_URI"])
sessions = sessionmaker(engine)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class CheckIn(Base):
    __tablename__ = "check_in"
    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LastSeen(BaseModel):
    user: str
    date: date


def session() -> Iterator[Session]:
    with sessions() as made:
        yield made


@app.get("/trivial")
async def trivial():
    return {"hello": "world"}


@app.get("/trivial-def")
def trivial_def():
    return {"hello": "world"}


@app.get("/last-seen/{user}", response_model=LastSeen)
def last_seen(user: str, database: Annotated[Session, Depends(session)]):
    newest = database.scalar(select(func.max(CheckIn.at)).where(CheckIn.user == user))
    return {"user": user, "date": newest.date()}
