"""What the acceptance tests need: root, some tools, and the package under test."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import host as hosts
import provision
import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a host where none can run, and say why."""
    reason = hosts.why_not()
    for item in items:
        if reason and item.get_closest_marker("acceptance"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def deb() -> Path:
    """Return the package of the sample service: TEST_DEB, or else one built here."""
    if named := os.environ.get("TEST_DEB"):
        return Path(named).resolve(strict=True)
    service = provision.CHECKOUT / "build" / "example-service"
    subprocess.run(["make", "bake"], cwd=provision.CHECKOUT, check=True)
    subprocess.run(["make", "deb"], cwd=service, check=True)
    built = sorted((service / "dist").glob("*.deb"), key=lambda path: path.stat().st_mtime)
    assert built, f"make deb left no package in {service}/dist"
    return built[-1]
