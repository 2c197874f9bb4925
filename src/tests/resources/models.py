"""The models of a small music library, and rows for them.

``define(base)`` maps the models on a declarative base; ``Artist``, ``Album``, ``Track`` and ``Genre`` are
mapped on the base of this module. ``fill`` creates the tables and inserts rows, the same for the same seed.
"""

from __future__ import annotations

import datetime
import enum
import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column, relationship


class Kind(enum.Enum):
    """The kind of an album. The names differ from the values: the database and the API have the names."""

    studio = "Studio album"
    live = "Live album"
    single = "Single"


class Music(NamedTuple):
    """The mapped classes of one base."""

    Artist: type[Any]
    Album: type[Any]
    Track: type[Any]
    Genre: type[Any]

    @property
    def metadata(self) -> sa.MetaData:
        metadata: sa.MetaData = self.Artist.metadata
        return metadata


def define(base: Any) -> Music:
    """Map the models on the declarative base ``base``, and return them. Call it once for each base.

    An album owns its tracks: they are deleted with it. An artist that has albums cannot be deleted, as the
    foreign key is violated.
    """

    class Artist(base):
        __tablename__ = "artists"

        id = mapped_column(sa.Integer, primary_key=True)
        name = mapped_column(sa.String(80), nullable=False, unique=True)
        country = mapped_column(sa.String(2))
        rating = mapped_column(sa.Float)
        born = mapped_column(sa.Date)

        albums = relationship("Album", back_populates="artist", passive_deletes="all")

    class Album(base):
        __tablename__ = "albums"
        __table_args__ = (sa.CheckConstraint("price >= 0", name="albums_price_not_negative"),)

        id = mapped_column(sa.Integer, primary_key=True)
        title = mapped_column(sa.String(120), nullable=False, index=True)
        artist_id = mapped_column(sa.ForeignKey("artists.id"), index=True)
        released = mapped_column(sa.DateTime)
        price = mapped_column(sa.Numeric(10, 2))
        kind = mapped_column(sa.Enum(Kind, name="album_kind"))

        artist = relationship("Artist", back_populates="albums")
        tracks = relationship("Track", back_populates="album", cascade="all, delete-orphan")

    track_genres = sa.Table(
        "track_genres",
        base.metadata,
        sa.Column("track_id", sa.ForeignKey("tracks.id"), primary_key=True),
        sa.Column("genre_id", sa.ForeignKey("genres.id"), primary_key=True, index=True),
    )

    class Track(base):
        __tablename__ = "tracks"
        __table_args__ = (
            sa.UniqueConstraint("album_id", "position", name="tracks_one_at_each_position"),
            sa.CheckConstraint("seconds > 0", name="tracks_seconds_positive"),
        )

        id = mapped_column(sa.Integer, primary_key=True)
        album_id = mapped_column(sa.ForeignKey("albums.id"), nullable=False)
        name = mapped_column(sa.String(120), nullable=False)
        seconds = mapped_column(sa.Integer)
        position = mapped_column(sa.Integer)

        album = relationship("Album", back_populates="tracks")
        genres = relationship("Genre", secondary=track_genres, back_populates="tracks")

    class Genre(base):
        __tablename__ = "genres"

        id = mapped_column(sa.Integer, primary_key=True)
        name = mapped_column(sa.String(40), nullable=False, unique=True)

        tracks = relationship("Track", secondary=track_genres, back_populates="genres")

    return Music(Artist, Album, Track, Genre)


class Base(DeclarativeBase):
    """A base of the tests' own, so that no other test has its tables."""


MUSIC = define(Base)
Artist, Album, Track, Genre = MUSIC

GENRES = (
    "Jazz",
    "jazz",
    "Blues",
    "R&B",
    "Hip-Hop/Rap",
    "Folk, world",
    "50%_off",
    "Électro",
    "Rock 'n' \"Roll\"",
    "",
    "Ska",
)

TITLES = (
    "Abacus", "abacus", "ABACUS", "Blue", "Blue", "Blue Train", "A%", "A_b", "back\\slash", "100% pure",
    "under_score", "a,b", "(parens)", '"quoted"', "O'Brien", "", " ", "Żółć", "żółć", "日本", "🎺 solo",
    "Café", "Zebra", "zebra", "1984",
)  # fmt: skip
"""Titles and names with equal ones, wildcards, quotes, cases and characters outside of ASCII."""

_RATINGS = (None, None, 0.0, 0.1, 0.5, 2.5, 2.5, 4.75, 5.0, -1.0, 1e308, 5e-324)
_PRICES = (None, None, "0.00", "0.01", "9.99", "9.99", "12.50", "99999999.99")
_COUNTRIES = (None, None, "DE", "PL", "JP", "de", "")
_SECONDS = (None, None, 1, 180, 180, 240, 2147483647)


def _instant(random_: random.Random) -> datetime.datetime | None:
    if random_.random() < 0.3:
        return None
    if random_.random() < 0.3:
        return datetime.datetime(1999, 12, 31, 23, 59, 59)
    day = datetime.datetime(1950 + random_.randrange(80), random_.randint(1, 12), random_.randint(1, 28))
    return day + datetime.timedelta(
        seconds=random_.choice((0, 1, 86399)), microseconds=random_.choice((0, 1, 500000))
    )


def _artists(rows: int, random_: random.Random) -> Iterator[dict[str, Any]]:
    for id_ in range(1, rows + 1):
        name = (
            TITLES[id_ - 1]
            if id_ <= len(TITLES) and TITLES.index(TITLES[id_ - 1]) == id_ - 1
            else f"Artist {id_}"
        )
        born = _instant(random_)
        yield {
            "id": id_, "name": name, "country": random_.choice(_COUNTRIES),
            "rating": random_.choice(_RATINGS), "born": born and born.date(),
        }  # fmt: skip


def _albums(rows: int, artists: int, random_: random.Random) -> Iterator[dict[str, Any]]:
    for id_ in range(1, rows + 1):
        price = random_.choice(_PRICES)
        yield {
            "id": id_, "title": random_.choice(TITLES) if random_.random() < 0.7 else f"Album {id_}",
            "artist_id": random_.randint(1, artists) if random_.random() < 0.8 else None,
            "released": _instant(random_), "price": Decimal(price) if price else None,
            "kind": random_.choice((None, *Kind)),
        }  # fmt: skip


def _tracks(rows: int, random_: random.Random) -> Iterator[dict[str, Any]]:
    """Yield 0 to 6 tracks for each of the albums 1 to ``rows``, 3 on average."""
    id_ = 0
    for album in range(1, rows + 1):
        for position in range(random_.randint(0, 6)):
            id_ += 1
            yield {
                "id": id_, "album_id": album, "name": random_.choice(TITLES),
                "seconds": random_.choice(_SECONDS),
                "position": position if random_.random() < 0.8 else None,
            }  # fmt: skip


def _track_genres(tracks: int, random_: random.Random) -> Iterator[dict[str, int]]:
    for track in range(1, tracks + 1):
        for genre in random_.sample(range(1, len(GENRES) + 1), random_.choice((0, 0, 1, 2, 3))):
            yield {"track_id": track, "genre_id": genre}


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterable[dict[str, Any]]) -> int:
    """Insert the rows, 10,000 at a time, and return their number. PostgreSQL's next key follows them."""
    iterator, count = iter(rows), 0
    while chunk := list(islice(iterator, 10_000)):
        connection.execute(table.insert(), chunk)
        count += len(chunk)
    if connection.dialect.name == "postgresql" and count and "id" in table.c:
        connection.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {count})"))
    return count


def fill(connection: sa.Connection, rows: int = 100, seed: int = 0, music: Music = MUSIC) -> None:
    """Create the tables; insert ``rows`` albums, a quarter as many artists (at least one) and their tracks.

    The rows are the same for the same ``rows`` and ``seed``; nulls, equal values and extreme values are among
    them. The caller commits.
    """
    random_ = random.Random(seed)
    music.metadata.create_all(connection)
    tables = music.metadata.tables
    artists = _insert(connection, tables["artists"], _artists(max(1, rows // 4), random_))
    genres = [{"id": id_, "name": name} for id_, name in enumerate(GENRES, 1)]
    _insert(connection, tables["genres"], genres)
    _insert(connection, tables["albums"], _albums(rows, artists, random_))
    tracks = _insert(connection, tables["tracks"], _tracks(rows, random_))
    _insert(connection, tables["track_genres"], _track_genres(tracks, random_))
