"""FastAPI with SQLAlchemy's asyncio extension and Pydantic models."""

from collections.abc import AsyncIterator
from os import environ
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, String, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship

engine = create_async_engine(environ["BENCH_URI"].replace("sqlite:", "sqlite+aiosqlite:"))
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Artist(Base):
    __tablename__ = "artists"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(120))


class Album(Base):
    __tablename__ = "albums"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(160))
    artist_id: Mapped[int] = mapped_column(ForeignKey("artists.id"))
    artist: Mapped[Artist] = relationship()


class ArtistOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    name: str | None


class AlbumIn(BaseModel):
    title: str
    artist_id: int


class AlbumOut(AlbumIn):
    model_config = ConfigDict(from_attributes=True)
    id: int


class AlbumWithArtist(AlbumOut):
    artist: ArtistOut


class Page(BaseModel):
    num_results: int
    objects: list[AlbumWithArtist]
    page: int
    total_pages: int


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as made:
        yield made


Session = Annotated[AsyncSession, Depends(session)]
app = FastAPI()


@app.get("/albums", response_model=Page)
async def list_albums(
    database: Session,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=1000)] = 20,
):
    count = await database.scalar(select(func.count()).select_from(Album))
    albums = await database.scalars(
        select(Album)
        .options(joinedload(Album.artist))
        .order_by(Album.id)
        .limit(page_size)
        .offset((page - 1) * page_size)
    )
    return {
        "num_results": count,
        "objects": albums.all(),
        "page": page,
        "total_pages": -(-count // page_size),
    }


@app.get("/albums/{key}", response_model=AlbumWithArtist)
async def get_album(key: int, database: Session):
    album = await database.get(Album, key, options=[joinedload(Album.artist)])
    if album is None:
        raise HTTPException(404)
    return album


@app.post("/albums", response_model=AlbumOut, status_code=201)
async def create_album(data: AlbumIn, database: Session, response: Response):
    album = Album(**data.model_dump())
    database.add(album)
    await database.commit()
    response.headers["Location"] = f"/albums/{album.id}"
    return album
