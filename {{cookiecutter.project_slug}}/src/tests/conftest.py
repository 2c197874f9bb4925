"""Fixtures are those of the chassis: ``app``, ``client``, ``database`` and others."""

import pytest


@pytest.fixture(scope="session")
def package() -> str:
    """Say whose tests these are."""
    return "{{ cookiecutter.__package_name }}"
