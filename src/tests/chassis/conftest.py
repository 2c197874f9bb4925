"""Fixtures of the tests that load a configuration, run commands, or serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from debonair import config, rooms
from debonair.errors import ConfigError
from debonair.manage import Manager
from debonair.names import Service
from tests.chassis.program import Program
from tests.chassis.serving import Served


@pytest.fixture
def load(orders: ModuleType, tmp_path: Path) -> Callable[..., config.Configuration]:
    """Return a function that loads text as the INI file of the service ``orders``."""

    def do(text: str | bytes = "", environ: dict[str, str] | None = None, *overrides: str) -> Any:
        file = tmp_path / "config.ini"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return config.load(
            Service.of("orders"),
            rooms.sections(*rooms.declared(orders)),
            file=file,
            environ=environ or {},
            overrides=overrides,
        )

    return do


@pytest.fixture
def faults(load: Callable[..., config.Configuration], tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that loads text and returns its faults, paths shortened to names."""

    def do(*arguments: Any) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            load(*arguments)
        return [str(fault).replace(f"{tmp_path}/", "") for fault in raised.value.faults]

    return do


@pytest.fixture
def command(package: Path) -> Program:
    """The commands of the service ``orders``, each in a process of its own."""
    return Program(package)


@pytest.fixture
def manager(package: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """The manager of the service ``orders``, in this process."""
    monkeypatch.setattr("sys.argv", ["/usr/bin/orders"])
    return Manager("orders")


@pytest.fixture
def served(package: Path) -> Iterator[Served]:
    """The service ``orders`` under its production server, with two workers."""
    service = Served(package)
    yield service
    service.stop()
