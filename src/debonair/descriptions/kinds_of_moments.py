"""The kinds of dates, times and durations."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from debonair.database import postgresql
from debonair.descriptions.kind import Kind


def moment_kind(cls: type[date] | type[time], name: str, format_: str) -> Callable[[Any, str], Kind]:
    """Return the function that returns the kind of dates or times, in ISO 8601."""

    def make(type_: Any, backend: str) -> Kind:
        def parse(text: Any) -> Any:
            if not isinstance(text, str):
                raise ValueError(f"must be {name} in ISO 8601, as a string")
            try:
                # A "+" that is not encoded in a query string arrives as a space.
                value: Any = cls.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text))
            except ValueError:
                raise ValueError(f"must be {name} in ISO 8601") from None
            if isinstance(value, datetime):
                value = value if value.tzinfo is None else _in_utc(value)
                if not getattr(type_, "timezone", False):
                    return value.replace(tzinfo=None)
                return value.replace(tzinfo=UTC) if value.tzinfo is None else value
            return value

        def from_text(text: str) -> Any:
            try:
                return cls.fromisoformat(text)
            except ValueError:
                return text  # infinity, or a year before Christ

        local = cls is not date and (backend == "sqlite" or not getattr(type_, "timezone", False))
        schema = {"type": "string", "format": f"{format_}-local" if local else format_}
        # orjson drops zeros of a time's fraction, refuses one with a zone, and rounds zones to minutes.
        exact = cls is date or (cls is datetime and not getattr(type_, "timezone", False))
        return Kind(name, schema, parse, parse, None if exact else _isoformat, from_text)

    return make


def _isoformat(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | time) else value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be from the year 1 to 9999 in UTC") from None


def interval_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of durations, in seconds."""

    def load(value: Any) -> timedelta:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("must be a number of seconds")
        return parse(value)

    def parse(value: Any) -> timedelta:
        try:
            return timedelta(seconds=float(value))
        except (ValueError, OverflowError):
            raise ValueError("must be a number of seconds") from None

    def dump(value: Any) -> Any:
        return value.total_seconds() if isinstance(value, timedelta) else value

    return Kind("a number of seconds", {"type": "number"}, load, parse, dump, postgresql.interval)
