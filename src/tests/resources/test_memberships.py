"""One membership of a many-to-many relation is added and removed by itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from tests.resources.models import MUSIC, Genre, Track, fill
from tests.resources.served import Served, serving


@pytest.fixture
def served(database: dict[str, Any]) -> Iterator[Served]:
    with serving(database, MUSIC, partial(fill, rows=5)) as found:
        yield found


def _genres(served: Served) -> list[int]:
    return [each["id"] for each in served.get("/tracks/1/genres?sort=id")["objects"]]


def _ask(served: Served, method: str, path: str, **headers: str) -> int:
    return served.app.test_client().open(path, method=method, headers=headers).status_code


def test_put_adds_and_delete_removes_a_row(served: Served) -> None:
    client = served.app.test_client()
    assert client.patch("/tracks/1", json={"genres": [1]}).status_code == 200
    for _ in range(2):
        response = client.put("/tracks/1/genres/2")
        assert (response.status_code, response.data, response.content_type) == (204, b"", None)
        assert _genres(served) == [1, 2]
    assert _ask(served, "DELETE", "/genres/1/tracks/1") == 204 and _genres(served) == [2]
    assert _ask(served, "DELETE", "/tracks/1/genres/1") == 404
    assert served.get("/genres/1")["id"] == 1


@pytest.mark.parametrize(
    "path",
    ["/tracks/99999/genres/1", "/tracks/1/genres/99", "/tracks/1/genres/x", "/tracks/1/nix/1",
     "/tracks/1/album/1", "/artists/1/albums/1"],
)  # fmt: skip
def test_what_is_no_membership_is_not_found(served: Served, path: str) -> None:
    for method in ("PUT", "DELETE"):
        assert _ask(served, method, path) == 404


def test_preconditions_know_whether_the_row_is_a_member(served: Served) -> None:
    served.app.test_client().patch("/tracks/1", json={"genres": [1]})
    assert _ask(served, "PUT", "/tracks/1/genres/1", **{"If-None-Match": "*"}) == 412
    assert _ask(served, "DELETE", "/tracks/1/genres/2", **{"If-Match": "*"}) == 412
    assert _ask(served, "DELETE", "/tracks/1/genres/1", **{"If-Match": '"a"'}) == 412
    assert _ask(served, "DELETE", "/tracks/1/genres/1", **{"If-Match": "*"}) == 204


@pytest.fixture
def limited(database: dict[str, Any]) -> Iterator[tuple[Served, list[str]]]:
    calls: list[str] = []

    def where() -> Any:
        return Genre.id != 3

    each: dict[type[Any], dict[str, Any]] = {
        Track: {"before": {"PATCH": lambda name, values, row: calls.append(name)}},
        Genre: {"where": where, "verbs": ("GET",)},
    }
    with serving(database, MUSIC, partial(fill, rows=5), each=each) as found:
        yield found, calls


def test_hooks_verbs_and_row_filters_apply(limited: tuple[Served, list[str]]) -> None:
    served, calls = limited
    served.app.test_client().patch("/tracks/1", json={"genres": []})
    with served.engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO track_genres (track_id, genre_id) VALUES (1, 3)"))
    for method in ("PUT", "DELETE"):
        assert _ask(served, method, "/tracks/1/genres/3") == 404
        assert _ask(served, method, "/genres/1/tracks/1") in (404, 405)
    assert _ask(served, "PUT", "/tracks/1/genres/1") == 204
    assert calls == ["tracks", "tracks"] and _genres(served) == [1]
    with served.engine.begin() as connection:
        rows = connection.execute(sa.text("SELECT genre_id FROM track_genres WHERE track_id = 1 ORDER BY 1"))
        assert [row[0] for row in rows] == [1, 3]


def test_memberships_are_in_the_document(served: Served) -> None:
    paths = served.get("/openapi.json")["paths"]
    assert set(paths["/tracks/{key}/genres/{member}"]) == {"parameters", "put", "delete"}
    assert [path for path in paths if "{member}" in path] == [
        "/tracks/{key}/genres/{member}", "/genres/{key}/tracks/{member}"
    ]  # fmt: skip


def test_simultaneous_changes_from_both_sides_all_succeed(served: Served) -> None:
    def change(number: int) -> set[int]:
        path = ("/tracks/1/genres/1", "/genres/1/tracks/1")[number % 2]
        return {_ask(served, method, path) for method in ("PUT", "DELETE") * 20}

    with ThreadPoolExecutor(8) as pool:
        statuses = set().union(*pool.map(change, range(8)))
    assert statuses <= {204, 404}, statuses
