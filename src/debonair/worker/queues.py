"""Where a worker takes its jobs from: the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from debonair.jobs import store
from debonair.jobs.store import Claimed


class Queue(Protocol):
    """Where jobs come from. Used by the thread of the dispatcher alone."""

    def take(
        self,
        connection: Connection,
        names: Sequence[str],
        owner: str,
        lease: int,
        most: int,
        *,
        suspects: bool,
    ) -> list[Claimed]:
        """Claim jobs that are due; the parameters are those of :func:`debonair.jobs.store.claim`."""

    def ended(self, claimed: Claimed) -> None:
        """Note that the end of a job is committed."""

    def close(self) -> None:
        """Give back what is not begun, and close connections."""


class DatabaseQueue:
    """The rows of the database, claimed without a broker."""

    take = staticmethod(store.claim)

    def ended(self, claimed: Claimed) -> None:
        """Do nothing: the row is all there is."""

    def close(self) -> None:
        """Do nothing."""
