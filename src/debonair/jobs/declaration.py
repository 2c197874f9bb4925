"""``@debonair.job``: a function whose calls can be put on the queue."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from debonair.jobs.arguments import Signature
from debonair.jobs.schedules import Schedule
from debonair.settings import Duration

if TYPE_CHECKING:
    from debonair.jobs.enqueueing import Enqueued

P = ParamSpec("P")
R = TypeVar("R")

OPTIONS = frozenset({"delay", "at", "once", "priority"})
"""The options of :meth:`Job.enqueue`, which are no names of parameters."""

LONGEST_NAME = 200

_LONGEST = 100 * 366 * 86400

_registry: dict[str, dict[str, Job[Any, Any]]] = {}


class Job(Generic[P, R]):
    """A function that a worker runs. Calling it runs it at once, as any function. Made by :func:`job`."""

    def __init__(self, function: Callable[P, R], name: str, **options: Any) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = name
        self.signature = Signature(function, OPTIONS)
        self.schedule: Schedule | None = Schedule(options["every"]) if options["every"] else None
        self.catch_up: bool = options["catch_up"]
        self.retries: int = options["retries"]
        self.backoff: float = _seconds(options["backoff"])
        self.longest_backoff: float = _seconds(options["longest_backoff"])
        self.timeout: float = _seconds(options["timeout"])
        self.priority: int = options["priority"]
        self.unique: bool = options["unique"]
        self.keep: float = _seconds(options["keep"])

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<job {self.signature}>"

    def enqueue(
        self,
        *args: Any,
        delay: str | float | timedelta | None = None,
        at: datetime | None = None,
        once: str | None = None,
        priority: int | None = None,
        **kwargs: Any,
    ) -> Enqueued:
        """Put a call on the queue, in the transaction of ``db.session``: it exists when that is committed.

        :param args: the arguments of the call. :param kwargs: the same by name.
        :param delay: the time until it runs, such as ``10m``, or a number of seconds.
        :param at: when it runs, in place of ``delay``; with a time zone.
        :param once: a key of at most 255 characters. While a job with this key is kept, another one with it
            is not enqueued, and the first one is returned.
        :param priority: a job of a higher priority runs first; from -100 to 100, default that of the job.
        :raises TypeError: when the arguments do not fit the function.
        :raises ValueError: when an option is out of its bounds.
        """
        from debonair.jobs.enqueueing import enqueue

        return enqueue(self, args, kwargs, delay=delay, at=at, once=once, priority=priority)


@overload
def job(function: Callable[P, R], /) -> Job[P, R]: ...
@overload
def job(
    *,
    name: str | None = None,
    every: str | None = None,
    catch_up: bool = False,
    retries: int = 20,
    backoff: str | float = "1s",
    longest_backoff: str | float = "1h",
    timeout: str | float = "10m",
    priority: int = 0,
    unique: bool = False,
    keep: str | float = "1d",
) -> Callable[[Callable[P, R]], Job[P, R]]: ...
def job(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    every: str | None = None,
    catch_up: bool = False,
    retries: int = 20,
    backoff: str | float = "1s",
    longest_backoff: str | float = "1h",
    timeout: str | float = "10m",
    priority: int = 0,
    unique: bool = False,
    keep: str | float = "1d",
) -> Any:
    """Make a job of a function: ``@debonair.job`` or ``@debonair.job(every="0 3 * * *")``.

    :param name: the name of the job, which rows in the database have too; default the function's.
    :param every: a schedule: an interval such as ``10m``, or cron's five fields in ``[jobs] timezone``. The
        function then needs no arguments.
    :param catch_up: whether the ticks of a time without a worker are all made up for; else one of them is.
    :param retries: how many times a call that raises is tried again; then the job is dead.
    :param backoff: the pause before the first retry; each further one is twice as long, up to
        ``longest_backoff``, and a random part of up to a half is left out.
    :param timeout: the longest that one attempt may take; at most 7 days.
    :param priority: a job of a higher priority runs first; from -100 to 100.
    :param unique: whether a call is enqueued only when there is none with equal arguments that has not begun.
    :param keep: how long the row with the result and its ``once`` key is kept after the job is done.
    :raises TypeError: when a parameter of the function cannot be stored.
    :raises ValueError: when an option is out of its bounds, or another function has the name.
    """

    def declare(function: Callable[..., Any]) -> Job[Any, Any]:
        declared = Job(
            function, name or function.__name__, every=every, catch_up=catch_up, retries=retries,
            backoff=backoff, longest_backoff=longest_backoff, timeout=timeout, priority=priority,
            unique=unique, keep=keep,
        )  # fmt: skip
        _check(declared)
        _register(declared)
        return declared

    return declare(function) if function is not None else declare


def _check(declared: Job[Any, Any]) -> None:
    if not 0 < len(declared.name) <= LONGEST_NAME or not declared.name.isprintable():
        raise ValueError(f"the name of a job has 1 to {LONGEST_NAME} printable characters")
    if declared.retries < 0:
        raise ValueError(f"the job {declared.name}: retries is at least 0")
    check_priority(declared.priority)
    for name in ("keep", "backoff", "longest_backoff"):
        if not 0 <= getattr(declared, name) <= _LONGEST:
            raise ValueError(f"the job {declared.name}: {name} is at least 0 and at most 100 years")
    if not 0 < declared.timeout <= 7 * 86400:
        raise ValueError(f"the job {declared.name}: timeout is more than 0 and at most 7d")
    if declared.schedule is not None:
        try:
            declared.signature.dump((), {})
        except TypeError:
            raise TypeError(f"the job {declared.name} has a schedule: its parameters need defaults") from None


def check_priority(priority: int) -> None:
    """Check the bounds of a priority.

    :raises ValueError: when it is out of them.
    """
    if not -100 <= priority <= 100:
        raise ValueError(f"a priority is from -100 to 100, and not {priority}")


def _register(declared: Job[Any, Any]) -> None:
    function = declared.function
    known = _registry.setdefault(function.__module__.partition(".")[0], {})
    other = known.get(declared.name)
    if other is not None and _place(other.function) != _place(function):
        raise ValueError(
            f"two jobs are named {declared.name!r}: {'.'.join(_place(other.function))} and "
            f"{'.'.join(_place(function))}; give one of them name="
        )
    known[declared.name] = declared


def _place(function: Callable[..., Any]) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def declared_jobs(package: str) -> dict[str, Job[Any, Any]]:
    """Return the jobs of a service by name: its own, and those of the chassis.

    :param package: the service's package.
    """
    return {**_registry.get("debonair", {}), **jobs_of(package)}


def jobs_of(package: str) -> dict[str, Job[Any, Any]]:
    """Return the jobs by name that the modules of a package have declared so far."""
    return dict(_registry.get(package, {}))


def _seconds(duration: str | float) -> float:
    return float(Duration.parse(duration)) if isinstance(duration, str) else float(duration)
