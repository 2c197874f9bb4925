"""What a service does not import before it needs it: each worker would have it in memory, and wait for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support import ROOT

UNUSED = {
    "alembic",
    "debonair.browsing.pages",
    "debonair.browsing.tables",
    "debonair.changes.graph",
    "debonair.exports.export",
    "debonair.resource_document",
    "debonair.resources.write_views",
    "gunicorn",
    "sqlalchemy.dialects.postgresql",
    "xml.etree",
}
"""What no program that only reads the resources as JSON makes the service import."""

PROGRAM = """
import sys
from debonair import expose
from debonair.application import create_app
from debonair.database.engine import engine_of
from tests.resources.models import MUSIC
from tests.support import chassis_settings

app = create_app("debonair.standalone", chassis_settings(database={"uri": "sqlite://"}))
expose(app, *MUSIC, %s)
client = app.test_client()
MUSIC.metadata.create_all(engine_of(app))
assert client.get("/albums").json["num_results"] == 0
assert client.get("/albums/1").status_code == 404
assert client.get("/missing").mimetype == "application/problem+json"
%s
print(*sys.modules)
"""


def modules_after(options: str = "", *, then: str = "") -> set[str]:
    """Return the modules that are imported when resources, exposed with some options, have been read."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM % (options, then)],
        capture_output=True, text=True, cwd=ROOT / "src", check=True,
    )  # fmt: skip
    return set(ran.stdout.split())


def test_service_that_is_read_imports_only_what_it_uses() -> None:
    assert not UNUSED & modules_after("verbs=['GET']")


def test_service_that_is_written_imports_that_before_workers_are_forked() -> None:
    found = modules_after()
    assert "debonair.resources.write_views" in found
    assert not found & (UNUSED - {"debonair.resources.write_views", "debonair.changes.graph"})


@pytest.mark.parametrize(
    ("request_", "module"),
    [
        ("client.get('/albums', headers={'Accept': 'text/html'})", "debonair.browsing.pages"),
        ("client.get('/albums?format=csv').get_data()", "debonair.exports.export"),
        ("client.get('/openapi.json')", "debonair.resource_document"),
        ("client.post('/albums/1/tracks')", "debonair.resources.write_views"),
    ],
)
def test_what_a_request_needs_is_imported_with_it(request_: str, module: str) -> None:
    assert module in modules_after("verbs=['GET']", then=request_)
