"""What this package uses of psycopg: dates that Python does not have, infinite or BC, are read as text."""

from __future__ import annotations

from typing import Any

DATES = ("date", "time", "timetz", "timestamp", "timestamptz", "interval")


def keep_dates(cursor: Any) -> None:
    """Let a cursor of psycopg return the text of a date that Python's types cannot hold."""
    for name in DATES:
        cursor.adapters.register_loader(name, _loader())


def _loader() -> Any:
    global _Loader
    if _Loader is None:
        _Loader = _make()
    return _Loader


_Loader: Any = None


def _make() -> Any:
    import psycopg
    from psycopg.adapt import Loader

    class LenientLoader(Loader):
        """psycopg's own loader, and the text where that refuses a value."""

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            loader = psycopg.adapters.get_loader(oid, psycopg.pq.Format.TEXT)
            assert loader is not None  # nosec B101
            self._inner = loader(oid, context)

        def load(self, data: Any) -> Any:
            try:
                return self._inner.load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return LenientLoader


def interval(text: str) -> Any:
    """Return the duration of PostgreSQL's text of an interval; the text when Python has no such duration."""
    global _interval
    if _interval is None:
        import psycopg

        _interval = _loader()(psycopg.adapters.types["interval"].oid)
    return _interval.load(text.encode())


_interval: Any = None
