"""Values of JSON columns: what can be stored, and what a merge patch makes of one."""

from __future__ import annotations

import re
from typing import Any


def storable(value: Any) -> Any:
    """Return a value of JSON.

    :raises ValueError: when a database cannot store it, or orjson cannot write it.
    """
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if "\x00" in part:
                raise ValueError("must not contain the character NUL")
            if not part.isascii() and re.search("[\ud800-\udfff]", part):
                raise ValueError("must not contain half of a surrogate pair")
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, int) and not -(2**63) <= part < 2**64:
            raise ValueError("must not contain an integer of more than 64 bits")
    return value


def merged(target: Any, patch: Any) -> Any:
    """Return what a merge patch makes of a value (RFC 7396, 2)."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found
