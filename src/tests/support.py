"""What several tests share: where the checkout is, and settings of the chassis alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from debonair import rooms
from debonair.names import Service
from debonair.settings import Settings, has_instances, name_of

ROOT = Path(__file__).resolve().parents[2]


def chassis_settings(**values: dict[str, Any]) -> Settings:
    """Return settings of the chassis alone, with the given values over the defaults."""
    service = Service.of("debonair")
    single = [section for section in rooms.sections() if not has_instances(section)]
    return Settings(section(service, **values.get(name_of(section), {})) for section in single)
