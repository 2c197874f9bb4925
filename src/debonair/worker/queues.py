"""Where a worker takes its jobs from: the database itself, or a broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from flask import Flask
from sqlalchemy import Connection

from debonair.jobs import store
from debonair.jobs.setup import service_of, settings_of
from debonair.jobs.store import Claimed


class Queue(Protocol):
    """Where jobs come from.

    Used by the thread of the dispatcher alone: in each turn it calls :meth:`prepare`, in one transaction
    :meth:`take` and :meth:`relay`, and then :meth:`committed`. When the transaction fails, ``committed`` is
    left out, and whether it was committed is not known.
    """

    def has_news(self) -> bool:
        """Return whether there is work that is not to be seen in the database."""

    def prepare(self, idle: int, hold: bool) -> None:
        """Begin a turn.

        :param idle: how many threads are idle. :param hold: whether this process begins no jobs for now, so
            that what waits for it is left to others.
        """

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

    def relay(
        self, connection: Connection, names: Sequence[str], owner: str, lease: int, *, beat: bool
    ) -> None:
        """Hand jobs that are due to a broker.

        :param beat: whether to look for jobs that the broker has lost.
        """

    def committed(self, ended: Sequence[Claimed]) -> None:
        """Note that the turn is committed. :param ended: the jobs whose ends are committed."""

    def failing(self) -> str | None:
        """Return why no jobs come, or None."""

    def close(self) -> None:
        """Give back what is not begun, and close connections."""


class DatabaseQueue:
    """The rows of the database, claimed without a broker."""

    take = staticmethod(store.claim)

    def has_news(self) -> bool:
        """Return False: all is in the database."""
        return False

    def prepare(self, idle: int, hold: bool) -> None:
        """Do nothing."""

    def relay(
        self, connection: Connection, names: Sequence[str], owner: str, lease: int, *, beat: bool
    ) -> None:
        """Do nothing: there is no broker."""

    def committed(self, ended: Sequence[Claimed]) -> None:
        """Do nothing: the row is all there is."""

    def failing(self) -> str | None:
        """Return None."""
        return None

    def close(self) -> None:
        """Do nothing."""


def queue_of(app: Flask, wake: Callable[[], None]) -> Queue:
    """Return the queue that ``[jobs] broker`` asks for. :param wake: wakes the thread of the dispatcher."""
    settings = settings_of(app)
    if not settings.broker:
        return DatabaseQueue()
    from debonair.worker.rabbitmq_queue import RabbitQueue

    return RabbitQueue(settings, service_of(app).name, wake)
