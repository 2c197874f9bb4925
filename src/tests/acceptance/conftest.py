"""What the acceptance tests need: root, some tools, and the package under test."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from tests.acceptance import host as hosts
from tests.acceptance import provision


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a host where none can run, and say why."""
    reason = hosts.why_not()
    for item in items:
        if reason and item.get_closest_marker("acceptance"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def release() -> str:
    """Return the release of Debian to test on: TEST_RELEASE, or else Debian 12."""
    return os.environ.get("TEST_RELEASE", "bookworm")


@pytest.fixture(scope="session")
def deb(release: str) -> Path:
    """Return the package of the sample service for that release: TEST_DEB, or else one built here."""
    if named := os.environ.get("TEST_DEB"):
        return Path(named).resolve(strict=True)
    service = provision.CHECKOUT / "build" / "example-service"
    subprocess.run(["make", "bake"], cwd=provision.CHECKOUT, check=True)
    here = platform.freedesktop_os_release().get("VERSION_CODENAME") == release
    command, dist = ["make", "deb"], service / "dist"
    if not here:
        command, dist = [*command, f"RELEASE={release}"], dist / release
    subprocess.run(command, cwd=service, check=True)
    built = sorted(dist.glob("*.deb"), key=lambda path: path.stat().st_mtime)
    assert built, f"make deb left no package in {dist}"
    return built[-1]
