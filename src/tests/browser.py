"""A real browser for tests: Debian's chromium without a window, driven by Playwright.

A test asks for the fixture ``browser``, opens a page and reads what the browser reported::

    def test_page_has_a_title(browser: Browser, served: Served) -> None:
        visit = browser.open(f"http://127.0.0.1:{served.port}/docs")
        assert visit.page.title() == "orders"
        assert not visit.faults and not visit.foreign and not visit.accessibility()

``visit.page`` is a ``playwright.sync_api.Page``: ``locator``, ``get_by_role``, ``click`` and ``expect`` wait
by themselves. ``wait_for_function`` fails on a page whose policy forbids ``eval``: use a locator. No host but
this machine can be reached. Each visit has its own cookies and cache, and is closed after the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import ConsoleMessage, Page

PHONE = (360, 740)
"""The width and height of a small phone, in CSS pixels, for ``Browser.open(size=PHONE)``."""

_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", event => console.error(
    `Content-Security-Policy: ${event.effectiveDirective} blocks ${event.blockedURI} (${event.sample})`))
"""


def why_not() -> str | None:
    """Return why no browser can be run here, or None."""
    return None if shutil.which("chromium") else "there is no browser: apt-get install chromium"


class Visit:
    """A page that was opened, and what the browser reported since.

    :ivar page: the page, to find, click and read with Playwright.
    :ivar faults: errors and warnings of the console, uncaught exceptions, violations of the
        Content-Security-Policy and requests that failed, as lines of text.
    :ivar requests: the URL of every request, in order.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        self.requests: list[str] = []
        page.add_init_script(_REPORT_VIOLATIONS)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    @property
    def foreign(self) -> list[str]:
        """The URLs that were requested of another origin than the page's own."""
        own = urlsplit(self.page.url)[:2]
        return [
            url
            for url in self.requests
            if urlsplit(url)[:2] != own and not url.startswith(("data:", "blob:"))
        ]

    def accessibility(self, *, without: tuple[str, ...] = ()) -> list[str]:
        """Return what axe-core finds wrong with the page as it is now, one line for each element.

        :param without: ids of axe-core's rules that are left out.
        """
        from axe_playwright_python.sync_playwright import Axe

        rules = {name: {"enabled": False} for name in without}
        found = Axe().run(self.page, options={"resultTypes": ["violations"], "rules": rules})
        return [
            f"{violation['id']}: {violation['help']}: {node['html']}"
            for violation in found.response["violations"]
            for node in violation["nodes"]
        ]

    def screenshot(self, file: Path) -> Path:
        """Write the whole page, beyond the window too, to a PNG file."""
        self.page.screenshot(path=file, full_page=True)
        return file


class Browser:
    """A running chromium."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium

    def open(self, url: str, *, size: tuple[int, int] = (1280, 900), **options: Any) -> Visit:
        """Open a page in a window of its own, and return when it has loaded.

        :param size: width and height of the window, in CSS pixels.
        :param options: further options of Playwright's ``Browser.new_context``, such as
            ``java_script_enabled=False``, ``color_scheme="dark"`` or ``extra_http_headers={...}``.
        """
        width, height = size
        context = self._chromium.new_context(viewport={"width": width, "height": height}, **options)
        visit = Visit(context.new_page())
        visit.page.goto(url)
        return visit

    def close(self) -> None:
        """Close every window; the browser keeps running."""
        for context in self._chromium.contexts:
            context.close()


@pytest.fixture(scope="module")
def _chromium() -> Iterator[Chromium]:
    # Of a module only: while Playwright runs, no other test can run an event loop in this thread.
    if reason := why_not():
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            chromium_sandbox=os.getuid() != 0,  # it refuses to run with its sandbox as root
            args=["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def browser(_chromium: Chromium) -> Iterator[Browser]:
    """A browser whose windows are closed after the test."""
    browser = Browser(_chromium)
    yield browser
    browser.close()
