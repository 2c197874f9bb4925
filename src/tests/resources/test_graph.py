"""An object is written with the objects in its relations, in one transaction; faults have their pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.resources.music_api import BACKENDS, exposed, pointers, uri_of

MakeApp = Callable[..., Flask]


@pytest.fixture(params=BACKENDS)
def music(request: pytest.FixtureRequest, make_app: MakeApp) -> FlaskClient:
    return exposed(make_app, uri_of(request, request.param)).test_client()


def numbers(client: FlaskClient) -> list[int]:
    """Return how many rows each resource has."""
    return [
        client.get(f"/{name}?page_size=1").json["num_results"]
        for name in ("artists", "albums", "tracks", "genres")
    ]


def an_artist(**changed: Any) -> dict[str, Any]:
    tracks = [
        {"name": f"t{index}", "position": index, "seconds": index + 1, "genres": [1, {"id": 2}]}
        for index in range(3)
    ]
    tracks[1]["genres"] = [{"name": "new"}, 3]
    albums = [{"title": "a", "kind": "live", "tracks": tracks}, {"title": "b", "tracks": [dict(tracks[0])]}]
    return {"name": "x", "albums": albums} | changed


def test_graph_is_written_as_it_is_given(music: FlaskClient) -> None:
    artists, albums, tracks, genres = numbers(music)
    created = music.post("/artists?include=albums.tracks.genres", json=an_artist())
    assert created.status_code == 201, created.json
    assert numbers(music) == [artists + 1, albums + 2, tracks + 4, genres + 1]
    found = created.json["albums"][0]["tracks"]
    assert [track["name"] for track in found] == ["t0", "t1", "t2"]
    assert [genre["id"] for genre in found[2]["genres"]] == [1, 2]
    assert sorted(genre["name"] for genre in found[1]["genres"]) == ["Blues", "new"]


def test_to_one_relation_may_be_a_new_object(music: FlaskClient) -> None:
    created = music.post("/tracks?include=album.artist", json={
        "name": "t", "album": {"title": "a", "artist": {"name": "new"}}
    })  # fmt: skip
    assert created.json["album"]["artist"]["name"] == "new"


def test_new_objects_may_be_given_in_a_patch(music: FlaskClient) -> None:
    music.patch("/albums/1", json={"tracks": []})
    changed = music.patch("/albums/1?include=tracks", json={"title": "y", "tracks": [{"name": "only"}]})
    assert [track["name"] for track in changed.json["tracks"]] == ["only"] and changed.json["title"] == "y"
    before = numbers(music)
    kept = [changed.json["tracks"][0]["id"], {"name": "second"}]
    changed = music.patch("/albums/1?include=tracks", json={"tracks": kept})
    assert [track["name"] for track in changed.json["tracks"]] == ["only", "second"]
    assert numbers(music)[2] == before[2] + 1


def test_invalid_member_is_reported_where_it_is(music: FlaskClient) -> None:
    before, body = numbers(music), an_artist()
    body["albums"][1]["tracks"] = [{"name": None}, {"seconds": "1", "nam/e~": 1, "name": "x"}, "x", {}]
    body["albums"].append(10**6)
    body["albums"][0]["artist"] = 1
    assert set(pointers(music.post("/artists", json=body))) == {
        "#/albums/1/tracks/0/name", "#/albums/1/tracks/1/seconds", "#/albums/1/tracks/1/nam~1e~0",
        "#/albums/1/tracks/2", "#/albums/1/tracks/3/name", "#/albums/2", "#/albums/0/artist",
    }  # fmt: skip
    assert numbers(music) == before


@pytest.mark.parametrize(
    ("place", "member", "value", "status"),
    [
        ((), "name", "Abacus", 409),
        ((0,), "price", "-1", 422),
        ((1,), "price", "-1", 422),
        ((0, 2), "seconds", 0, 422),
        ((1, 0), "seconds", -1, 422),
        ((0, 2), "position", 0, 409),
        ((0, 1), "position", 0, 409),
    ],
)
def test_violation_is_reported_where_it_is(
    music: FlaskClient, place: tuple[int, ...], member: str, value: Any, status: int
) -> None:
    before, body = numbers(music), an_artist()
    music.post("/artists", json={"name": "Abacus"})
    node, pointer = body, "#"
    for name, index in zip(("albums", "tracks"), place, strict=False):
        node, pointer = node[name][index], f"{pointer}/{name}/{index}"
    node[member] = value
    refused = music.post("/artists", json=body)
    assert refused.status_code == status
    assert f"{pointer}/{member}" in pointers(refused)
    assert all(found.startswith(f"{pointer}/") for found in pointers(refused))
    assert numbers(music) == before
    array = music.post("/artists", json=[{"name": "other"}, body])
    assert f"{pointer}/{member}".replace("#", "#/1") in pointers(array)


def test_violation_in_a_patch_is_reported_where_it_is(music: FlaskClient) -> None:
    before = music.get("/albums/1?include=tracks").data
    tracks = [{"name": "a", "position": 1}, {"name": "b", "position": 2}, {"name": "c", "position": 2}]
    refused = music.patch("/albums/1", json={"title": "y", "tracks": tracks})
    assert refused.status_code == 409 and "#/tracks/2/position" in pointers(refused)
    assert music.get("/albums/1?include=tracks").data == before


def test_unknown_and_repeated_keys_are_reported_where_they_are(music: FlaskClient) -> None:
    body = {"name": "x", "album_id": 1, "genres": [1, 10**6, 2, 1, {"id": 10**6}, "a"]}
    assert list(pointers(music.post("/tracks", json=body))) == [
        "#/genres/5", "#/genres/1", "#/genres/3", "#/genres/4"
    ]  # fmt: skip


def test_only_rows_of_resources_that_may_be_changed_are_taken_over(make_app: MakeApp) -> None:
    client = exposed(make_app, album={"verbs": frozenset(("GET",))}).test_client()
    assert list(pointers(client.patch("/artists/1", json={"albums": [1]}))) == ["#/albums/0"]


def test_depth_of_new_objects_is_bounded(make_app: MakeApp) -> None:
    client = exposed(make_app, track={"include_depth": 1}, album={"include_depth": 1}).test_client()
    body = {"name": "t", "album": {"title": "a", "artist": {"name": "new"}}}
    assert list(pointers(client.post("/tracks", json=body))) == ["#/album/artist"]
