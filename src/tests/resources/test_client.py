"""A client that openapi-python-client generates from the document is complete, and works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from flask import Flask

from tests.resources.served_music import served


def test_a_generated_client_lists_filters_gets_creates_and_reads_errors(
    make_app: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    with served(app, bulk=True) as url:
        document = tmp_path / "openapi.json"
        document.write_text(json.dumps(app.test_client().get("/openapi.json").json))
        generate(document, tmp_path / "music_client")
        monkeypatch.syspath_prepend(str(tmp_path))
        try:
            use(url)
        finally:
            for name in [name for name in sys.modules if name.partition(".")[0] == "music_client"]:
                del sys.modules[name]


def generate(document: Path, directory: Path) -> None:
    scripts = Path(sys.executable).parent
    command = [
        scripts / "openapi-python-client", "generate", "--path", document, "--output-path", directory,
        "--meta", "none", "--fail-on-warning",
    ]  # fmt: skip
    # It formats what it generates with the ruff that it finds.
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and "arning" not in ran.stdout + ran.stderr, ran.stdout + ran.stderr


def use(url: str) -> None:
    api, models = "music_client.api", import_module("music_client.models")
    client = import_module("music_client").Client(base_url=url)
    albums = import_module(f"{api}.albums.list_albums")
    page = albums.sync(
        client=client, title_like="A%", sort=["artist_id", "-id"], include=["artist"], page_size=2
    )
    assert page.num_results and len(page.objects) == 2
    assert all(album.title.startswith("A") for album in page.objects)
    albums_of_one = albums.sync(client=client, sort=["artist.name", "-id"], include=["artist", "tracks"])
    assert any(album.artist is not None for album in albums_of_one.objects)
    keyset = albums.sync(client=client, filter_='or(id=1,id__in="2,3")', after="", page_size=2)
    assert [album.id for album in keyset.objects] == [1, 2] and keyset.page is None
    rest = albums.sync(client=client, filter_='or(id=1,id__in="2,3")', after=keyset.after, page_size=2)
    assert [album.id for album in rest.objects] == [3] and rest.after is None

    body = models.ArtistCreate(name="New", albums=[models.AlbumInArtistAlbums(title="First")])
    artist = import_module(f"{api}.artists.create_artist").sync(client=client, body=body, include=["albums"])
    assert artist.name == "New" and [album.title for album in artist.albums] == ["First"]
    album = import_module(f"{api}.albums.get_album").sync(artist.albums[0].id, client=client)
    assert album.title == "First" and album.artist_id == artist.id and album.price is None

    again = import_module(f"{api}.artists.create_artist").sync_detailed(client=client, body=body)
    assert again.status_code == 409 and isinstance(again.parsed, models.Problem)
    assert again.parsed.status == 409 and again.parsed.errors[0].pointer == "#/name"
    lost = import_module(f"{api}.albums.get_album").sync_detailed(999_999, client=client)
    assert lost.status_code == 404 and isinstance(lost.parsed, models.Problem)
