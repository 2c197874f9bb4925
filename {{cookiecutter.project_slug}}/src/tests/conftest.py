"""Fixtures are those of the chassis: ``app``, ``client``, ``database`` and others."""

import pytest

pytest_plugins = ["debonair.testing.plugin"]


@pytest.fixture(scope="session")
def package() -> str:
    """Say whose tests these are."""
    return "{{ cookiecutter.__package_name }}"
