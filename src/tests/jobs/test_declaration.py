"""What ``@debonair.job`` accepts and refuses."""

from __future__ import annotations

import decimal
import socket
from collections.abc import Callable
from typing import Any

import pytest

import debonair
from debonair.jobs.declaration import Job


def _declare(function: Callable[..., Any], **options: Any) -> Job[Any, Any]:
    declared: Job[Any, Any] = debonair.job(**{"name": "declared for a test", **options})(function)
    return declared


def test_job_is_the_function_with_its_name_and_help() -> None:
    @debonair.job
    def greet(name: str) -> str:
        """Return a greeting."""
        return f"hello {name}"

    assert greet("ann") == "hello ann"
    assert (greet.name, greet.__doc__) == ("greet", "Return a greeting.")
    assert repr(greet) == "<job greet(name: 'str') -> 'str'>"


def _with_socket(connection: socket.socket) -> None: ...
def _with_reserved(delay: str) -> None: ...
def _with_any_number(*orders: int) -> None: ...
def _with_options(**options: int) -> None: ...
def _with_argument(order: int) -> None: ...
def _without() -> None: ...


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (_with_reserved, {}, TypeError, "an option of enqueue"),
        (_with_any_number, {}, TypeError, "name each parameter|a name of its own"),
        (_with_options, {}, TypeError, "name each parameter|a name of its own"),
        (_with_argument, {"every": "1h"}, TypeError, "its parameters need defaults"),
        (_without, {"every": "often"}, ValueError, "a duration such as"),
        (_without, {"every": "0 3 * *"}, ValueError, "no schedule of cron"),
        (_without, {"every": "61 * * * *"}, ValueError, "no schedule of cron"),
        (_without, {"retries": -1}, ValueError, "retries is at least 0"),
        (_without, {"keep": float("inf")}, ValueError, "keep is at least 0 and at most 100 years"),
        (_without, {"backoff": -1}, ValueError, "backoff is at least 0"),
        (_without, {"timeout": 0}, ValueError, "timeout is more than 0"),
        (_without, {"timeout": "8d"}, ValueError, "at most 7d"),
        (_without, {"priority": -101}, ValueError, "from -100 to 100"),
        (_without, {"name": "x" * 201}, ValueError, "1 to 200 printable"),
    ],
)
def test_fault_is_told_when_the_job_is_declared(
    function: Callable[..., Any], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _declare(function, **options)


def test_type_that_cannot_be_stored_is_told_when_the_job_is_enqueued() -> None:
    with pytest.raises(TypeError, match="connection cannot be stored"):
        _declare(_with_socket).signature.dump((None,), {})


def test_two_functions_cannot_have_one_name() -> None:
    debonair.job(name="a name for two")(_with_argument)
    debonair.job(name="a name for two")(_with_argument)  # a module that is loaded again
    with pytest.raises(ValueError, match=r"_with_argument and .*_without"):
        debonair.job(name="a name for two")(_without)


def test_value_of_a_union_that_would_arrive_as_another_type_is_refused() -> None:
    def of_two(value: str | decimal.Decimal, other: int | float | None = None) -> None: ...

    signature = _declare(of_two, name="of two types").signature
    with pytest.raises(TypeError, match="value cannot be Decimal"):
        signature.dump((decimal.Decimal("1.50"),), {})
    assert signature.load(signature.dump(("1.50",), {"other": 2.5})) == {"value": "1.50", "other": 2.5}
