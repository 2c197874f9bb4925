"""Resources as pages: what they show, where their links lead, and what a real browser makes of them."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from datetime import UTC, date, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import DeclarativeBase, mapped_column
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, TestResponse

from debonair import standalone
from debonair.application import create_app
from debonair.browsing import facets
from debonair.browsing.cells import cell_of
from debonair.browsing.rendering import POLICY, style, style_name
from debonair.database.engine import engine_of
from debonair.descriptions.kinds import kind_of
from debonair.resources.exposing import expose
from debonair.statements.execution import Statement
from tests.browser import Browser
from tests.resources import models, shop
from tests.support import ROOT, chassis_settings, serving

ACCEPT = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"}
HOSTILE = "<script>alert(1)</script>\"'&\u202e{{ 7*191919 }}"
PHONE = (375, 740)


class Parsed(HTMLParser):
    """The links, the inline code and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "style") or "style" in values or any(name.startswith("on") for name in values):
            self.inline.append(tag)
        href = values.get("href")
        if href is not None and not href.startswith(("data:", "#")):
            self.links.append(href)

    def handle_data(self, data: str) -> None:
        self.text += f" {data.strip()}"


def settings_for(uri: str, **values: Any) -> Any:
    return chassis_settings(database={"uri": uri}, log={"level": "ERROR"}, **values)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The music library, exposed by code."""
    app = create_app(
        "debonair.standalone", settings_for(f"sqlite:///{tmp_path_factory.mktemp('music')}/m.db")
    )
    with engine_of(app).begin() as connection:
        models.fill(connection, 100)
    expose(app, *models.MUSIC)
    return app


@pytest.fixture(scope="module")
def shop_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The shop, without code."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    shop.make(path, rows=200)
    return standalone.create_app(settings_for(f"sqlite:///{path}", service={"environment": "production"}))


@pytest.fixture
def client(music: Flask) -> FlaskClient:
    return music.test_client()


def page(client: Client, url: str, status: int = 200) -> TestResponse:
    """Return the response to a browser."""
    response = client.get(url, headers=ACCEPT)
    assert (response.status_code, response.mimetype) == (status, "text/html"), url
    return response


def small(tmp_path: Path, *classes: type[Any], **options: Any) -> FlaskClient:
    """Return the client of an application with these models, whose tables are made."""
    app = create_app("debonair.standalone", settings_for(f"sqlite:///{tmp_path}/small.db"))
    with engine_of(app).begin() as connection:
        classes[0].metadata.create_all(connection)
    for model in classes:
        expose(app, model, **options)
    return app.test_client()


def test_browser_gets_a_page_and_a_program_gets_json(client: FlaskClient) -> None:
    assert page(client, "/albums").headers["Vary"] == "Accept"
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5"):
        assert client.get("/albums", headers={"Accept": accept}).mimetype == "application/json"
    assert client.get("/albums?format=json", headers=ACCEPT).mimetype == "application/json"
    assert client.get("/albums?format=html").mimetype == "text/html"


@pytest.mark.parametrize("url", ["/", "/albums", "/albums/1", "/artists/1/albums", "/albums?x=1", "/nowhere"])
def test_pages_have_a_strict_policy_and_no_inline_code(client: FlaskClient, url: str) -> None:
    response = client.get(url, headers=ACCEPT)
    assert response.headers["Content-Security-Policy"] == POLICY
    assert "script" not in POLICY and "unsafe" not in POLICY
    assert Parsed(response.text).inline == []
    assert '<html lang="en">' in response.text and "<title>" in response.text


def test_style_sheet_is_kept_for_ever_under_a_name_of_its_content(client: FlaskClient) -> None:
    response = client.get(f"/_browse/{style_name()}")
    assert response.data == style() and response.mimetype == "text/css"
    assert "immutable" in response.headers["Cache-Control"]
    assert client.get("/_browse/style-0.css").status_code == 404
    assert style_name() in page(client, "/albums").text


def test_index_lists_the_resources_with_their_rows(client: FlaskClient) -> None:
    text = Parsed(page(client, "/").text).text
    assert "4 resources" in text and "albums  100 rows" in text.replace("\n", "")
    assert client.get("/", headers={"Accept": "application/json"}).status_code == 404


def test_route_of_the_service_at_the_root_is_kept(tmp_path: Path) -> None:
    client = small(tmp_path, models.Artist)
    client.application.add_url_rule("/", "home", lambda: "own")
    assert client.get("/", headers=ACCEPT).text == "own"


def test_switch_removes_the_pages(tmp_path: Path) -> None:
    app = create_app("debonair.standalone", settings_for(f"sqlite:///{tmp_path}/m.db", api={"browse": False}))
    with engine_of(app).begin() as connection:
        models.fill(connection, 1)
    expose(app, *models.MUSIC)
    client = app.test_client()
    assert client.get("/albums", headers=ACCEPT).mimetype == "application/json"
    assert client.get(f"/_browse/{style_name()}").status_code == 404


def test_related_row_is_shown_by_its_label(client: FlaskClient) -> None:
    album = next(each for each in client.get("/albums?include=artist").json["objects"] if each["artist"])
    text = page(client, f"/albums?id={album['id']}").text
    assert f'<a href="/artists/{album["artist_id"]}"><bdi>' in text
    assert f'<span class="key">{album["artist_id"]}</span>' in text


def test_null_and_the_empty_text_differ(client: FlaskClient) -> None:
    assert '<span class="null">NULL</span>' in page(client, "/artists?country__isnull=true").text
    assert '<span class="empty">empty</span>' in page(client, "/artists?country=").text


def test_form_of_filters_becomes_the_parameters_of_the_api(client: FlaskClient) -> None:
    sent = "_filter=1&sort=-id&page=3&_op.title=contains&_value.title=A%26b&_op.price=null&_value.price="
    sent += "&_op.id=eq&_value.id="
    response = client.get(f"/albums?{sent}&_op.kind=eq&_value.kind=live", headers=ACCEPT)
    assert response.status_code == 303
    assert (
        response.headers["Location"] == "/albums?sort=-id&title__contains=A%26b&price__isnull=true&kind=live"
    )


def test_form_shows_the_active_filters_and_chips_remove_them(client: FlaskClient) -> None:
    text = page(client, "/albums?title__contains=Blue&price__gt=1&page_size=5").text
    assert 'value="contains" selected' in text and 'value="Blue"' in text
    assert (
        'href="/albums?price__gt=1&amp;page_size=5" aria-label="Remove the filter title contains Blue"'
        in text
    )


def test_operators_are_those_of_the_kind(client: FlaskClient) -> None:
    text = page(client, "/albums").text
    price = text[text.index('name="_op.price"') :]
    price = price[: price.index("</select>")]
    assert 'value="between"' in price and 'value="contains"' not in price


def test_heads_sort_in_both_directions(client: FlaskClient) -> None:
    text = page(client, "/albums?sort=title&kind=live").text
    assert 'aria-sort="ascending"><a href="/albums?kind=live&amp;sort=-title">' in text
    assert "sort=artist.name" in text
    assert 'aria-sort="descending"' in page(client, "/albums?sort=-artist.name").text


def test_paging_names_the_place_and_keeps_the_parameters(client: FlaskClient) -> None:
    text = page(client, "/albums?sort=title&page_size=30&page=2").text
    assert "Rows 31 to 60 of 100" in text and "Page 2 of 4" in text
    for number, name in ((1, "First"), (1, "Previous"), (3, "Next"), (4, "Last")):
        assert f'<a href="/albums?sort=title&amp;page_size=30&amp;page={number}"' in text
        assert f">{name}</a>" in text
    assert "No rows here, 100 in all" in page(client, "/albums?page=99").text


def test_keyset_pages_lead_through_all_rows(client: FlaskClient) -> None:
    url, seen = "/albums?after=&page_size=40&count=none", 0
    while url:
        text = page(client, url).text
        seen += text.count('<th scope="row"')
        found = re.search('<a href="([^"]+)" rel="next"', text)
        url = unescape(found[1]) if found else ""
    assert seen == 100


def test_facets_count_values_and_select_them(client: FlaskClient) -> None:
    text = page(client, "/albums?_facet=artist_id").text
    live = client.get("/albums?kind=live").json["num_results"]
    assert f'<a href="/albums?_facet=artist_id&amp;kind=live">live</a> <span class="count">{live}</span>' in (
        text.replace("<bdi>", "").replace("</bdi>", "")
    )
    assert "kind__isnull=true" in text and "artist_id=" in text
    assert text.count('<section class="facet">') == 2
    assert 'aria-current="true"' in page(client, "/albums?kind=live").text
    assert "_facet" not in next(link for link in Parsed(text).links if "format=json" in link)


def test_row_has_its_members_and_the_first_of_its_related_rows(client: FlaskClient) -> None:
    text = page(client, "/artists/1").text
    assert "<dt>name</dt>" in text and "<h2>albums</h2>" in text
    assert "artist_id" not in text
    assert '<a href="/artists/1/albums">' in text
    related = page(client, "/artists/1/albums").text
    assert '<a href="/artists/1">' in related and "<h1>albums</h1>" in related


def test_long_text_is_whole_on_the_page_of_the_row_only(tmp_path: Path) -> None:
    class Base(DeclarativeBase):
        pass

    class Note(Base):
        __tablename__ = "notes"
        id = mapped_column(sa.Integer, primary_key=True)
        text = mapped_column(sa.Text)
        data = mapped_column(sa.LargeBinary)

    client = small(tmp_path, Note)
    with engine_of(client.application).begin() as connection:
        connection.execute(sa.insert(Note).values(id=1, text="long " * 100 + "end", data=b"x" * 2500))
    listed, one = page(client, "/notes").text, page(client, "/notes/1").text
    assert "end" not in Parsed(listed).text and "…" in listed
    assert "long end" in one and "2.5 kB" in one and "2.5 kB" in listed


def test_hostile_values_and_names_are_text(tmp_path: Path) -> None:
    class Base(DeclarativeBase):
        pass

    class Odd(Base):
        __tablename__ = "odd \"&' table"
        __table_args__ = ({"comment": HOSTILE},)
        id = mapped_column(sa.String(200), primary_key=True)
        name = mapped_column("<b>name", sa.Text, comment=HOSTILE)

    client = small(tmp_path, Odd)
    with engine_of(client.application).begin() as connection:
        connection.execute(sa.insert(Odd.__table__).values({"id": HOSTILE, "<b>name": HOSTILE}))
    texts = [page(client, "/").text]
    links = [link for link in Parsed(texts[0]).links if "odd" in link]
    texts.append(page(client, links[0]).text)
    row = next(link for link in Parsed(texts[1]).links if "script" in link and "?" not in link)
    texts += [page(client, row).text, page(client, f"{links[0]}?name={quote(HOSTILE)}&_facet=name").text]
    texts.append(page(client, f"{links[0]}?{quote(HOSTILE)}=1&sort={quote(HOSTILE)}", 400).text)
    texts.append(page(client, f"/{quote(HOSTILE)}", 404).text)
    for text in texts:
        assert "<script" not in text and Parsed(text).inline == [] and "1343433" not in Parsed(text).text
    assert HOSTILE.replace("\u202e", "") in Parsed(texts[2]).text.replace("\u202e", "")


def test_hidden_columns_and_resources_do_not_show(tmp_path: Path) -> None:
    app = create_app("debonair.standalone", settings_for(f"sqlite:///{tmp_path}/m.db"))
    with engine_of(app).begin() as connection:
        models.fill(connection, 50)
    expose(app, models.Artist, hidden=frozenset(("country", "name")))
    expose(app, models.Album, hidden=frozenset(("price",)))
    client = app.test_client()
    for url in ("/", "/artists", "/artists/1", "/albums", "/albums?_facet=artist_id", "/albums/1"):
        text = page(client, url).text
        for hidden in ("country", "price", "tracks", "Artist 20"):
            assert hidden not in text, (url, hidden)


def test_row_filter_applies_to_rows_facets_and_counts(tmp_path: Path) -> None:
    app = create_app("debonair.standalone", settings_for(f"sqlite:///{tmp_path}/m.db"))
    with engine_of(app).begin() as connection:
        models.fill(connection, 50)
    expose(app, models.Album, where=lambda: models.Album.id <= 3)
    client = app.test_client()
    assert "3 rows" in page(client, "/").text
    text = page(client, "/albums").text
    assert "3 rows" in text and text.count('<th scope="row"') == 3
    counts = Parsed(text[text.index('<section class="facet">') :]).text
    assert sum(int(part) for part in counts.split() if part.isdigit()) == 3
    assert page(client, "/albums/4", 404)


def test_every_fault_is_listed_and_can_be_removed(client: FlaskClient) -> None:
    text = page(client, "/albums?titel=x&sort=idd&page=0", 400).text
    parsed = Parsed(text)
    for part in ("titel", "did you mean 'title'?", "did you mean 'id'?", "must be a number"):
        assert part in parsed.text
    assert "/albums?sort=idd" in parsed.links and "/albums?titel=x&sort=idd" in parsed.links
    assert client.get("/albums?titel=x").mimetype == "application/problem+json"
    assert "/albums" in Parsed(page(client, "/albums/0", 404).text).links


def test_error_of_another_route_keeps_its_page(tmp_path: Path) -> None:
    client = small(tmp_path, models.Artist)
    client.application.add_url_rule("/own", "own", lambda: 1 / 0)
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    response = client.get("/own", headers=ACCEPT)
    assert response.status_code == 500 and "_browse" not in response.text


@pytest.mark.parametrize(
    ("url", "most"),
    [
        ("/albums?count=none&fields=id,title,artist_id", 2),
        ("/albums", 3),
        ("/albums?page_size=100", 3),
        ("/albums/1", 1),
        ("/artists/1/albums", 4),
        ("/genres", 2),
    ],
)
def test_statements_of_a_page_do_not_depend_on_its_rows(
    client: FlaskClient, url: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    rows = Statement.rows

    def counted(self: Statement, *arguments: Any) -> Any:
        ran.append(self.sql)
        return rows(self, *arguments)

    monkeypatch.setattr(Statement, "rows", counted)
    page(client, url)
    assert len(ran) <= most and len(set(ran)) == len(ran)


def crawl(client: Client, start: str, most: int) -> dict[str, int]:
    """Return the status of every page that the links of pages lead to, breadth first."""
    found: dict[str, int] = {}
    waiting = [start]
    while waiting and len(found) < most:
        url = waiting.pop(0)
        if url in found:
            continue
        response = client.get(url, headers=ACCEPT)
        found[url] = response.status_code
        if response.mimetype == "text/html" and response.status_code == 200:
            waiting += [urljoin(url, link).partition("#")[0] for link in Parsed(response.text).links]
        # An export holds a connection until it is closed.
        response.close()
    return found


def test_every_link_of_the_shop_works(shop_app: Flask) -> None:
    client = shop_app.test_client()
    found = crawl(client, "/", 400)
    assert len(found) == 400
    assert {url: status for url, status in found.items() if status >= 400} == {}


def test_links_stay_below_what_the_server_is_mounted_at(shop_app: Flask) -> None:
    mounted = Client(DispatcherMiddleware(Flask("outside"), {"/mount": shop_app}))
    found = crawl(mounted, "/mount/", 60)
    assert all(urlsplit(url).path.startswith("/mount/") for url in found)
    assert {url: status for url, status in found.items() if status >= 400} == {}


@pytest.mark.parametrize("name", ["odd%20names", "group", "extremes", "all_types", "strict_types", "places"])
def test_rows_of_odd_tables_have_pages(shop_app: Flask, name: str) -> None:
    client = shop_app.test_client()
    text = page(client, f"/{name}?page_size=100").text
    rows = {link for link in Parsed(text).links if link.startswith(f"/{name}/")}
    assert rows
    for link in rows:
        page(client, link)


def test_table_without_a_key_has_no_links_to_rows(shop_app: Flask) -> None:
    links = Parsed(page(shop_app.test_client(), "/visits").text).links
    assert not [link for link in links if link.startswith("/visits/")]


def test_index_precedes_the_page_of_development(tmp_path: Path) -> None:
    client = small(tmp_path, models.Artist)
    assert "artists" in page(client, "/").text and "shown in development" not in page(client, "/").text


def test_service_without_resources_loads_no_page() -> None:
    code = """if True:
        import sys
        from debonair.application import create_app
        from tests.support import ROOT, chassis_settings
        app = create_app("debonair.standalone", chassis_settings())
        assert app.test_client().get("/", headers={"Accept": "text/html"}).status_code in (200, 404)
        print([name for name in sys.modules if name.startswith("debonair.")])
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "src", check=True
    )
    assert "browsing.pages" not in done.stdout and "resources.views" not in done.stdout


def test_facet_that_takes_too_long_says_so(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> Any:
        raise sa.exc.OperationalError("", {}, Exception("interrupted"))

    monkeypatch.setattr(facets, "limited", stop)
    text = page(client, "/albums").text
    assert "There are too many rows to count them in time." in text and '<th scope="row"' in text


def test_statement_stops_at_the_deadline(music: Flask) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with (
        music.app_context(),
        pytest.raises(sqlite3.OperationalError),
        facets.limited(engine_of(music), 0.01) as connection,
    ):
        connection.cursor().execute(endless)


def test_postgresql_pages(postgresql_url: str) -> None:
    shop.make(postgresql_url, rows=200)
    uri = postgresql_url.replace("postgresql://", "postgresql+psycopg://")
    app = standalone.create_app(settings_for(uri, service={"environment": "production"}))
    client = app.test_client()
    found = crawl(client, "/", 150)
    assert len(found) == 150
    assert {url: status for url, status in found.items() if status >= 400} == {}
    text = page(client, "/products?_facet=category_id").text
    assert "category_id=" in text
    with app.app_context():
        engine = engine_of(app)
        with pytest.raises(Exception, match="statement timeout"), facets.limited(engine, 0.01) as connection:
            connection.cursor().execute("SELECT pg_sleep(10)")
        with facets.limited(engine, 5) as connection:
            connection.cursor().execute("SELECT 1")
        engine.dispose()


CELLS = [
    (sa.Integer(), None, "NULL", "null"),
    (sa.Text(), "", "empty", "empty"),
    (sa.Text(), " \n", "empty", "empty"),
    (sa.Text(), "x" * 100, "x" * 79 + "…", "text"),
    (sa.Integer(), 12345678901234567890, "12345678901234567890", "number"),
    (sa.Numeric(10, 2), "9.90", "9.90", "number"),
    (sa.Float(), 0.1, "0.1", "number"),
    (sa.Boolean(), False, "false", "flag"),
    (sa.Boolean(), "maybe", "maybe", "text"),
    (sa.DateTime(), datetime(2024, 3, 1, 12, 30), "2024-03-01 12:30", "moment"),
    (sa.DateTime(), datetime(2024, 3, 1, 12, 30, 5, 500000), "2024-03-01 12:30:05.5", "moment"),
    (sa.DateTime(), datetime(2024, 3, 1, 12, tzinfo=UTC), "2024-03-01 12:00+00:00", "moment"),
    (sa.Date(), date(2024, 3, 1), "2024-03-01", "moment"),
    (sa.Date(), "infinity", "infinity", "text"),
    (sa.LargeBinary(), "eHg=", "2 bytes", "binary"),
    (sa.JSON(), {"a": [1]}, '{"a":[1]}', "json"),
]


@pytest.mark.parametrize(("type_", "value", "text", "form"), CELLS, ids=repr)
def test_values_are_shown_by_their_kind(type_: Any, value: Any, text: str, form: str) -> None:
    cell = cell_of(kind_of(type_), value, 80)
    assert (cell.text, cell.form) == (text, form)


VISITED = (
    "/", "/products?price__gt=1&active=true&sort=-price", "/order_lines?_facet=product_id", "/products/2",
    "/customers/3/orders", "/visits", "/all_types", "/odd%20names", "/products?prize=1&sort=x",
)  # fmt: skip


@pytest.mark.acceptance
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), PHONE], ids=["desktop", "phone"])
def test_pages_are_accessible_and_fit_the_window(
    shop_app: Flask, browser: Browser, size: tuple[int, int], scheme: str, tmp_path: Path
) -> None:
    with serving(shop_app) as url:
        for number, path in enumerate(VISITED):
            visit = browser.open(url + path, size=size, color_scheme=scheme)
            for panel in visit.page.locator("summary").all():
                panel.click()
            faults = [fault for fault in visit.faults if "status of 400" not in fault]
            assert not faults and not visit.foreign, (path, faults)
            assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert visit.page.evaluate("getComputedStyle(document.body).marginTop") == "0px"
            assert not visit.accessibility(), path
            visit.screenshot(tmp_path / f"{number}.png")


@pytest.mark.acceptance
def test_person_filters_sorts_and_opens_a_row_without_javascript(shop_app: Flask, browser: Browser) -> None:
    with serving(shop_app) as url:
        visit = browser.open(url, java_script_enabled=False)
        page = visit.page
        page.get_by_role("link", name="products", exact=True).first.click()
        page.locator("summary").click()
        page.get_by_label("How price is compared").select_option(label="is greater than")
        page.get_by_label("Value of price", exact=True).fill("10")
        page.get_by_role("button", name="Apply").click()
        assert page.url == f"{url}/products?price__gt=10"
        page.get_by_role("columnheader", name="price", exact=True).get_by_role("link").click()
        assert page.url == f"{url}/products?price__gt=10&sort=price"
        page.get_by_role("link", name="Remove the filter price is greater than 10").click()
        assert page.url == f"{url}/products?sort=price"
        page.locator("tbody th a").first.click()
        assert page.locator("dl dt").first.inner_text() == "id"
        page.keyboard.press("Tab")
        assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
        assert not visit.faults and not visit.foreign


def test_row_of_a_to_one_relation_has_the_page_of_the_row(client: FlaskClient) -> None:
    album = next(each for each in client.get("/albums?include=artist").json["objects"] if each["artist"])
    found = page(client, f"/albums/{album['id']}/artist").text
    assert "<h1" in found and f'<a href="/artists/{album["artist_id"]}/albums"' in found
    assert client.get(f"/albums/{album['id']}/artist").json["id"] == album["artist_id"]
