"""Faults of the members of a body, each at its JSON pointer."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from debonair.web.problems import Problem

Path = tuple[str | int, ...]
"""Where a member is: names of members and indexes of arrays."""

MOST = 100
"""Faults that one response reports."""


class InvalidMembers(Problem):
    """Members of the body that cannot be written."""

    code = 422
    title = "Invalid members"


class Faults:
    """Faults as they are found."""

    def __init__(self) -> None:
        self._found: list[tuple[Path, str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Path, message: str) -> None:
        """Add a fault of the member at a path."""
        if len(self._found) < MOST:
            self._found.append((path, message))

    def merge(self, path: Path, messages: Any) -> None:
        """Add the messages of marshmallow for the object at a path: by member, or lists of texts."""
        if isinstance(messages, dict):
            for name, inner in messages.items():
                self.merge(path if name == "_schema" else (*path, name), inner)
        else:
            for message in messages if isinstance(messages, list) else [messages]:
                self.add(path, str(message).removesuffix("."))

    def raise_if_any(self) -> None:
        """Raise the problem with every fault. :raises InvalidMembers: when there is one."""
        if self._found:
            raise located(InvalidMembers, self._found)


def located(problem: type[HTTPException], found: list[tuple[Path, str]]) -> HTTPException:
    """Return a problem whose errors have these paths and messages."""
    path, message = found[0]
    where = "/".join(map(str, path)) or "the body"
    raised = problem(f"{where}: {message}" + ("" if message.endswith((".", "?")) else "."))
    tree: dict[str, Any] = {}
    for path, message in found:
        node = tree
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_schema", []).append(message)
    raised.data = {"messages": {"json": tree}}  # type: ignore[attr-defined]  # as webargs names its faults
    return raised
