"""What is hidden cannot be told from what does not exist: columns, relations, and rows of a row filter."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from tests.resources.evaluator import Rows
from tests.resources.models import MUSIC, Album, Artist, fill
from tests.resources.served import Served, serving

HIDDEN = "country"
UNKNOWN = {"country": "countrz", "albums": "albumz"}
"""As near to other names as the hidden one is, so that it has the same "did you mean"."""

REQUESTS = (
    "/artists?NAME=x", "/artists?NAME__eq=x", "/artists?NAME__isnull=true", "/artists?NAME__bogus=1",
    "/artists?filter=NAME=x", "/artists?filter=or(id=1,not(NAME__like=x))", "/artists?sort=NAME",
    "/artists?sort=-NAME,id", "/artists?fields=NAME", "/artists?fields=id,NAME", "/artists?include=NAME",
    "/albums?artist.NAME=x", "/albums?artist.NAME__gt=x", "/albums?sort=artist.NAME",
    "/albums?fields=artist.NAME", "/albums?include=artist.NAME",
    "/albums?include=artist&fields=id,artist.NAME",
    "/tracks?album.artist.NAME=1", "/genres?tracks__any.album.artist.NAME=1",
    "/genres?include=tracks.album.artist.NAME", "/artists/1/NAME", "/artists/1?fields=NAME",
    "/artists/1?include=NAME", "/artists?NAME.id=1", "/artists?NAME__any.id=1", "/artists?NAME__none.id=1",
    "/artists?include=NAME(limit=1)", "/artists?include=albums(sort=artist.NAME)",
    "/albums?sort=artist.NAME.id",
    "/artists?filter=NAME__any.title=x", "/artists?NAME.=1", "/artists?NAME__=1", "/artists/NAME/albums",
)  # fmt: skip


def _answer(served: Served, url: str, name: str) -> tuple[int, str, list[tuple[str, str]]]:
    response = served.app.test_client().get(url.replace("NAME", name))
    text = re.sub(r'"(request_id|instance)": "[^"]*"', "", response.get_data(as_text=True))
    text = text.replace("of albums", "of ALBUMS")  # the resource is no hidden member
    text = re.sub(rf"{name}(?!_id)", "NAME", text)
    headers = [pair for pair in response.headers if pair[0] not in ("X-Request-ID", "Content-Length", "ETag")]
    return response.status_code, text, headers


@pytest.mark.parametrize("hidden", [HIDDEN, "albums"])
@pytest.mark.parametrize("how", ["hidden", "readable"])
def test_hidden_members_are_unknown_ones(hidden: str, how: str, database: dict[str, Any]) -> None:
    every = {"id", "name", "country", "rating", "born", "albums"}
    option = {"hidden": [hidden]} if how == "hidden" else {"readable": sorted(every - {hidden})}
    with serving(database, MUSIC, partial(fill, rows=8), each={Artist: option}) as served:
        for url in (url for url in REQUESTS if hidden != "albums" or not re.search(r"albums(\(|$)", url)):
            found = _answer(served, url, hidden)
            assert found == _answer(served, url, UNKNOWN[hidden]), url
            assert found[0] in (400, 404), url
        assert hidden not in str(served.get("/artists/1"))
        for body in ({"filter": {"NAME": "x"}}, {"filter": {"or": [{"NAME__in": ["x"]}]}}, {"sort": "NAME"}):
            texts = set()
            for name in (hidden, UNKNOWN[hidden]):
                problem = served.query("/artists", eval(repr(body).replace("NAME", name)), 400)  # nosec B307
                problem.pop("request_id")
                texts.add(str(problem).replace(name, "NAME"))
            assert len(texts) == 1


def test_a_model_that_is_not_exposed_is_no_relation(database: dict[str, Any]) -> None:
    models = [MUSIC.Album, MUSIC.Track, MUSIC.Genre]
    with serving(database, models, partial(fill, rows=8)) as served:
        for url in (
            "/albums?include=NAME", "/albums?NAME.kwxqjzv=x", "/albums?sort=NAME.kwxqjzv", "/albums/1/NAME",
            "/albums?fields=NAME", "/tracks?album.NAME.id=1", "/NAME", "/NAME/1",
        ):  # fmt: skip
            assert _answer(served, url, "artist") == _answer(served, url, "artisx"), url


@pytest.mark.parametrize("option", [{"hidden": ["id"]}, {"readable": ["title", "released"]}])
def test_a_hidden_key_is_in_no_token(option: dict[str, Any], database: dict[str, Any]) -> None:
    with serving(database, MUSIC, partial(fill, rows=8), each={Album: option}) as served:
        for path in ("/albums", "/artists/1/albums"):
            for query in ("after=", "after=&sort=title", "after=x"):
                problem = served.get(path, query, status=400)
                message = "albums has no keyset paging: use page="
                assert problem["errors"] == [{"pointer": "query:after", "message": message}]
        assert "after" not in served.get("/albums", "page=0", status=400)["detail"]
        assert len(served.get("/albums", "page_size=3&page=3")["objects"]) == 2
        paths = served.get("/openapi.json")["paths"]
        after = {"$ref": "#/components/parameters/After"}
        assert after not in paths["/albums"]["get"]["parameters"]
        assert after in paths["/tracks"]["get"]["parameters"]


def _visible(rows: Rows) -> set[int]:
    return {row["id"] for row in rows.rows["artists"] if row["country"] != "DE"}


def _where() -> Any:
    return Artist.country.is_distinct_from("DE")


@pytest.fixture
def filtered(database: dict[str, Any]) -> Any:
    with serving(database, MUSIC, partial(fill, rows=60, seed=3), each={Artist: {"where": _where}}) as served:
        with served.engine.connect() as connection:
            rows = Rows.load(connection.connection)
        hidden = [row["id"] for row in rows.rows["artists"] if row["id"] not in _visible(rows)]
        assert hidden
        yield served, rows, hidden[0]


def _ids(served: Served, path: str, query: str) -> list[int]:
    page = served.get(path, f"{query}&page_size=1000")
    assert page["num_results"] == len(page["objects"])
    return [row["id"] for row in page["objects"]]


def test_rows_of_a_filter_are_absent_from_pages_and_objects(filtered: Any) -> None:
    served, rows, hidden = filtered
    assert set(_ids(served, "/artists", "")) == _visible(rows)
    for suffix in ("", "/albums"):
        answers = []
        for key in (hidden, 99999):
            problem = served.get(f"/artists/{key}{suffix}", status=404)
            problem.pop("request_id")
            answers.append(str(problem).replace(str(key), "KEY"))
        assert answers[0] == answers[1]


def test_rows_of_a_filter_are_absent_from_includes(filtered: Any) -> None:
    served, rows, _ = filtered
    visible = _visible(rows)
    for row in served.get("/albums", "include=artist&page_size=1000")["objects"]:
        assert (row["artist"] is not None) == (row["artist_id"] in visible)
    for row in served.get("/genres", "include=tracks.album.artist&page_size=1000")["objects"]:
        for track in row["tracks"]:
            album = track["album"]
            assert (album["artist"] is not None) == (album["artist_id"] in visible)
    for row in rows.rows["albums"]:
        status = 200 if row["artist_id"] in visible else 404
        served.get(f"/albums/{row['id']}/artist", status=status)


def test_rows_of_a_filter_are_absent_from_filters_and_counts(filtered: Any) -> None:
    served, rows, _ = filtered
    visible = _visible(rows)
    of_visible = {row["id"] for row in rows.rows["albums"] if row["artist_id"] in visible}
    every = {row["id"] for row in rows.rows["albums"]}
    assert _ids(served, "/albums", "artist.country=DE") == []
    assert set(_ids(served, "/albums", "artist.id__isnull=false")) == of_visible
    assert set(_ids(served, "/albums", "artist.name__isnull=true")) == every - of_visible
    tracks = {row["id"] for row in rows.rows["tracks"] if row["album_id"] in of_visible}
    assert set(_ids(served, "/tracks", "album.artist.id__gt=0")) == tracks
    links = rows.rows["track_genres"]
    genres = {link["genre_id"] for link in links if link["track_id"] in tracks}
    assert set(_ids(served, "/genres", "tracks__any.album.artist.id__gt=0")) == genres
    none = {row["id"] for row in rows.rows["genres"]} - genres
    assert set(_ids(served, "/genres", "tracks__none.album.artist.id__gt=0")) == none


def test_rows_of_a_filter_are_absent_from_sorts(filtered: Any) -> None:
    served, rows, _ = filtered
    visible = _visible(rows)
    without = [row["id"] for row in sorted(rows.rows["albums"], key=lambda row: row["id"])
               if row["artist_id"] not in visible]  # fmt: skip
    for sort in ("artist.name", "-artist.id", "artist.country"):
        found = _ids(served, "/albums", f"sort={sort}&fields=id")
        seen, token = [], ""
        while token is not None:
            page = served.get("/albums", f"sort={sort}&fields=id&page_size=9&after={token}")
            seen += [row["id"] for row in page["objects"]]
            token = page["after"]
        assert seen == found
        if sort != "artist.country":
            # They are sorted as the albums without an artist: all of them stand together, by their key.
            assert [id_ for id_ in found if id_ in without] == without
            start = found.index(without[0])
            assert found[start : start + len(without)] == without


def test_rows_of_a_filter_to_many_are_absent(database: dict[str, Any]) -> None:
    option = {Album: {"where": lambda: Album.price.is_not(None)}}
    with serving(database, MUSIC, partial(fill, rows=40), each=option) as served:
        with served.engine.connect() as connection:
            rows = Rows.load(connection.connection)
        priced = {row["id"]: row for row in rows.rows["albums"] if row["price"] is not None}
        for artist in served.get("/artists", "include=albums(limit=2)&page_size=1000")["objects"]:
            own = sorted(id_ for id_, row in priced.items() if row["artist_id"] == artist["id"])
            assert [row["id"] for row in artist["albums"]] == own[:2]
            page = served.get(f"/artists/{artist['id']}/albums")
            assert page["num_results"] == len(own)
        of_priced = {row["artist_id"] for row in priced.values()} - {None}
        every = {row["id"] for row in rows.rows["artists"]}
        assert set(_ids(served, "/artists", "albums__any.id__gt=0")) == of_priced
        assert set(_ids(served, "/artists", "albums__none.id__gt=0")) == every - of_priced
        assert _ids(served, "/artists", "albums__any.price__isnull=true") == []


def test_the_row_filter_is_evaluated_for_each_request(database: dict[str, Any]) -> None:
    country: list[str | None] = ["DE"]

    def where() -> Any:
        return None if country[0] is None else Artist.country == country[0]

    with serving(database, MUSIC, partial(fill, rows=60), each={Artist: {"where": where}}) as served:
        for country[0] in ("DE", "PL", None, "DE"):
            artists = served.get("/artists", "page_size=1000")["objects"]
            assert {row["country"] for row in artists} == {country[0]} or country[0] is None
            albums = served.get("/albums", "include=artist&page_size=1000")["objects"]
            assert {row["artist"]["id"] for row in albums if row["artist"]} <= {row["id"] for row in artists}
            for row in artists[:1]:
                served.get(f"/artists/{row['id']}")
