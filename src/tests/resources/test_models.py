"""The models of the music library hold what their constraints allow, and the same rows for the same seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session

from tests.resources.models import MUSIC, Album, Artist, Genre, Kind, Track, define, fill


def _engine() -> sa.Engine:
    engine = sa.create_engine("sqlite://")
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = on"))
    return engine


def _rows(rows: int, seed: int) -> list[list[tuple[object, ...]]]:
    with _engine().begin() as connection:
        fill(connection, rows, seed)
        return [
            [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in MUSIC.metadata.sorted_tables
        ]


@pytest.fixture
def session() -> Iterator[Session]:
    engine = _engine()
    with engine.begin() as connection:
        fill(connection, 200, 1)
    with Session(engine) as session:
        yield session
    engine.dispose()


def test_same_seed_gives_the_same_rows_and_another_gives_others() -> None:
    assert _rows(100, 3) == _rows(100, 3) != _rows(100, 4)


@pytest.mark.parametrize(
    "column",
    [Artist.rating, Artist.born, Artist.country, Album.artist_id, Album.released, Album.price, Album.kind,
     Track.seconds, Track.position],
)  # fmt: skip
def test_a_column_that_may_be_null_has_nulls_and_equal_values(
    session: Session, column: sa.ColumnElement[object]
) -> None:
    counts = Counter(session.scalars(sa.select(column)))
    assert counts.pop(None) > 0
    assert max(counts.values()) > 1


def test_relations_lead_both_ways(session: Session) -> None:
    track = session.scalars(sa.select(Track).where(Track.genres.any())).all()[0]
    assert track in track.album.tracks
    assert all(track in genre.tracks for genre in track.genres)
    album = session.scalars(sa.select(Album).where(Album.artist_id.is_not(None))).all()[0]
    assert album in album.artist.albums


def test_an_album_is_deleted_with_its_tracks(session: Session) -> None:
    album = session.scalars(sa.select(Album).where(Album.tracks.any())).all()[0]
    session.delete(album)
    session.flush()
    assert session.scalars(sa.select(Track).where(Track.album_id == album.id)).all() == []


def test_an_artist_with_albums_cannot_be_deleted(session: Session) -> None:
    session.delete(session.scalars(sa.select(Artist).where(Artist.albums.any())).all()[0])
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        session.flush()


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        (Artist(name="Blue"), "UNIQUE"),
        (Genre(name="Jazz"), "UNIQUE"),
        (Artist(), "NOT NULL"),
        (Album(), "NOT NULL"),
        (Album(title="x", price=-1), "CHECK"),
        (Album(title="x", artist_id=9999), "FOREIGN KEY"),
        (Track(name="x", album_id=1, seconds=0), "CHECK"),
    ],
)
def test_constraints_refuse_a_row(session: Session, row: object, constraint: str) -> None:
    session.add(row)
    with pytest.raises(IntegrityError, match=constraint):
        session.flush()


def test_another_base_has_models_of_its_own() -> None:
    class Other(DeclarativeBase):
        pass

    music = define(Other)
    assert music.metadata is not MUSIC.metadata
    with _engine().begin() as connection, Session(connection) as session:
        fill(connection, 8, music=music)
        assert session.get_one(music.Album, 8).kind in (None, *Kind)
