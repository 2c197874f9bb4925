"""The page of an error: what is wrong with each parameter, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.exceptions import HTTPException

from debonair.browsing.addresses import Address
from debonair.web.problems import problem_of

_ADVICE = {
    400: "Correct or remove the parameters that are named here.",
    401: "Sign in, and try again.",
    403: "You may not see this. Ask whoever runs this service.",
    404: "Check the address, or start from the list of all resources.",
    405: "Pages only read. Use the API to change data.",
    429: "Wait a little, and try again.",
    503: "Try again in a few moments.",
}


@dataclass(frozen=True)
class Fault:
    """A fault of a parameter. :param href: the URL without the parameter; None when it is not in the URL."""

    name: str
    message: str
    href: str | None


@dataclass(frozen=True)
class Failure:
    """The page of an error."""

    status: int
    title: str
    detail: str
    faults: tuple[Fault, ...]
    advice: str
    request_id: str


def failure_of(error: HTTPException, address: Address) -> Failure:
    """Return what the page of an error says."""
    problem = problem_of(error, address.path)
    faults = tuple(_fault(each["pointer"], each["message"], address) for each in problem.get("errors", ()))
    status = int(problem["status"])
    return Failure(
        status,
        str(problem["title"]),
        "" if faults else str(problem["detail"] or ""),
        faults,
        _ADVICE.get(status, "Quote the request id below when you report this."),
        str(problem["request_id"] or ""),
    )


def _fault(pointer: str, message: str, address: Address) -> Fault:
    name = pointer if pointer[0] == "#" else pointer.partition(":")[2]
    name = name.replace("~1", "/").replace("~0", "~")
    message = message if message.endswith((".", "?")) else f"{message}."
    at = [index for index, item in enumerate(address.items) if item[0] == name]
    return Fault(name, message, address.without(*at) if at else None)
