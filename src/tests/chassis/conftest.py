"""Fixtures of the tests that load a configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from debonair import config, rooms
from debonair.errors import ConfigError
from debonair.names import Service


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
