"""The table of faulty queries in the docs holds: each example is a problem that names its parameter."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import orjson
import pytest
from flask.testing import FlaskClient

from debonair.resources.exposing import views_of
from tests.resources.models import MUSIC, fill
from tests.resources.served import Served, serving
from tests.support import ROOT

PAGE = ROOT / "docs" / "source" / "reference" / "bad_queries.rst"


def _rows() -> Iterator[tuple[str, int, str]]:
    """Yield what is wrong, the status, and an example, of each example of the tables."""
    for table in PAGE.read_text().split(".. list-table::")[1:]:
        for row in re.split(r"\n   \* - ", table.partition("\n\n")[2].partition("\n\n")[0])[1:]:
            what, status, examples = re.split(r"\n     - ", row)
            for example in re.findall(r"``(.+?)``", re.sub(r"\n +", " ", examples)):
                yield what, int(status), example


EXAMPLES = list(_rows())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    uri = f"sqlite:///{tmp_path_factory.mktemp('bad')}/t.db"
    with serving({"uri": uri}, MUSIC, partial(fill, rows=20)) as found:
        yield found


def _texts(served: Served) -> dict[str, str]:
    other = served.get("/albums", "after=&sort=title&page_size=1")["after"]
    own = served.get("/albums", "after=&page_size=1")["after"]
    digest, _, checksum = orjson.loads(base64.urlsafe_b64decode(own + "=" * (-len(own) % 4)))
    changed = orjson.dumps([digest, ["1;DROP TABLE albums"], checksum])
    tampered = base64.urlsafe_b64encode(changed).decode()
    return {
        "long": "x" * 121, "longer": "x" * 1001, "values": ",".join(map(str, range(10_000))),
        "terms": ",".join(["id=1"] * 10_000), "parameters": "&".join(["id=1"] * 600),
        "nested": "not(" * 10_000 + "id=1" + ")" * 10_000, "deep": "artist." * 30, "name": "x" * 100_000,
        "criteria": ",".join(f"-{'artist.' * (n % 2)}id" for n in range(10_000)), "other": other,
        "tampered": tampered,
    }  # fmt: skip


def _ask(client: FlaskClient, served: Served, example: str) -> tuple[Any, str]:
    texts = _texts(served)
    filled = re.sub(r"\{(\w+)\}", lambda found: texts[found[1]], example)
    path, _, query = filled.rpartition("?") if filled.startswith("/") and "?" in filled else ("", "", filled)
    if filled.startswith("/") and not path:
        path, query = filled, ""
    # As a client sends it: spaces and quotes are encoded, percent signs are already.
    text = quote(query, safe="%&=,.()-_*;'+")
    return client.get(f"{path or '/albums'}?{text}" if text else path), query


@pytest.mark.parametrize(("what", "status", "example"), EXAMPLES)
def test_each_faulty_query_is_a_problem_that_names_its_parameter(
    served: Served, what: str, status: int, example: str
) -> None:
    served.reset()
    _texts(served)
    served.reset()
    client = served.app.test_client()
    response, query = _ask(client, served, example)
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"
    if status == 400:
        named = {error["pointer"].removeprefix("query:") for error in response.json["errors"]}
        given = {unquote(part.partition("=")[0]) for part in query.split("&")}
        assert named <= given | ({"filter"} if "parameters" in example else set())
        assert named


def test_the_table_has_every_kind_of_fault() -> None:
    assert len({what for what, _, _ in EXAMPLES}) > 25
    assert {status for _, status, _ in EXAMPLES} == {400, 404}


def test_nothing_of_a_query_reaches_the_database_as_text(served: Served) -> None:
    marks = ("zq1", "zq2", "zq3", "zq4", "zq5")
    served.reset()
    expression = f'or(title__contains="{marks[3]}",tracks__any.name=x)'
    filters = {"title": marks[0], "title__in": f"{marks[1]},x", "artist.name__like": marks[2]}
    served.get("/albums", filters | {"filter": expression})
    served.query("/albums", {"filter": {"title__startswith": marks[4]}, "count": "exact"})
    # SQLite's trace shows the statement with its values: what is sent is in the compiled statements.
    compiled = [each.read.sql for each in views_of(served.app).reader._compiled._values.values()]
    assert compiled
    assert not [text for text in compiled if any(mark in text for mark in marks)]


FILTERS = (
    "[]", "{}", "null", "1", '{"and": []}', '{"and": {}}', '{"not": []}', '{"id": null}', '{"id": "1"}',
    '{"id": true}', '{"id": 1e400}', '{"id": {}}', '{"id__in": 1}', '{"id__in": []}', '{"id__in": [null]}',
    '{"title": "\\ud800"}', '{"title__like": "\\ud800"}', '{"title": "\\u0000"}', '{"kind": {}}',
    '{"released": 1}', '{"artist": {"id": 1}}', '{"": 1}', '{"price": "1e999999999"}',
    '{"not": ' * 10_000 + '{"id": 1}' + "}" * 10_000, '{"or": [' + ",".join(['{"id": 1}'] * 10_000) + "]}",
    '{"id": ' + "9" * 5000 + "}", '{"id__in": [' + ",".join(map(str, range(10_000))) + "]}",
)  # fmt: skip

BODIES = (
    "[]", "1", "{", "[" * 100_000, '{"page": true}', '{"page": null}', '{"page": 1.5}', '{"sort": [1]}',
    '{"sort": {}}', '{"fields": null}', '{"nix": 1}', '{"after": 1}', '{"count": true}',
    *(f'{{"filter": {each}}}' for each in FILTERS),
)  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=[body[:30] for body in BODIES])
def test_each_faulty_body_of_query_is_a_problem(served: Served, body: str) -> None:
    client = served.app.test_client()
    response = client.open("/albums", method="QUERY", data=body, content_type="application/json")
    assert response.status_code == _status_of(body), response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"


def _status_of(body: str) -> int:
    """Return 422 for a body that is well-formed and only too large."""
    return 422 if body.count('"id"') > 500 else 400


@pytest.mark.acceptance
def test_no_faulty_query_is_a_fault_on_postgresql(make_database: Any) -> None:
    with serving(make_database("postgresql"), MUSIC, partial(fill, rows=20)) as served:
        client = served.app.test_client()
        for what, status, example in EXAMPLES:
            if example == "id=99999999999999999999":
                assert client.get("/albums?id=2147483648").status_code == 400
            assert _ask(client, served, example)[0].status_code == status, (what, example)
        for body in BODIES:
            response = client.open("/albums", method="QUERY", data=body, content_type="application/json")
            assert response.status_code == _status_of(body), body[:100]
