"""The types of option values that Python does not have: durations, sizes and URIs with a password."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import ClassVar

MASK = "********"
"""The text that is shown in place of a secret."""

_LARGEST_SIZE = 2**63 - 1
_NUMBER_WITH_UNIT = r"([0-9]+)(?:\.([0-9]+))?[ \t]*([A-Za-z]+)"
_MOST_DIGITS = 30


class Duration(float):
    """A number of seconds. In a file: a number with ``ms``, ``s``, ``m``, ``h`` or ``d``, such as ``30s``."""

    units: ClassVar[Mapping[str, int]] = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
    """The length of each unit in milliseconds."""

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Return the duration that the text stands for.

        :raises ValueError: when it stands for none.
        """
        digits, divisor = _in_units(text, cls.units, "a duration such as 30s, 500ms or 5m")
        return cls(digits / (divisor * 1000))

    def __str__(self) -> str:
        milliseconds = float(self) * 1000
        if 1 <= milliseconds < 2**53 and math.isclose(milliseconds, round(milliseconds), rel_tol=1e-12):
            return _in_largest_unit(round(milliseconds), self.units)
        return f"{float(self):g}s"


class Size(int):
    """A number of bytes. In a file: a number with ``B``, ``KiB``, ``MiB`` or ``GiB``, such as ``16MiB``."""

    units: ClassVar[Mapping[str, int]] = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    """The number of bytes in each unit."""

    @classmethod
    def parse(cls, text: str) -> Size:
        """Return the size that the text stands for.

        :raises ValueError: when it stands for none, for a part of a byte, or for more than 2**63 - 1 bytes.
        """
        digits, divisor = _in_units(text, cls.units, "a size such as 512KiB or 16MiB")
        size, part = divmod(digits, divisor)
        if part:
            raise ValueError("is not a whole number of bytes")
        if size > _LARGEST_SIZE:
            raise ValueError("is too large for a size")
        return cls(size)

    def __str__(self) -> str:
        return _in_largest_unit(int(self), self.units)


def _in_units(text: str, units: Mapping[str, int], wanted: str) -> tuple[int, int]:
    """Return a number in the smallest unit as numerator and denominator, so that nothing is rounded."""
    match = re.fullmatch(_NUMBER_WITH_UNIT, text)
    if match is None or match[3] not in units:
        raise ValueError(f"is not {wanted} (units: {', '.join(units)})")
    whole, decimals = match[1], match[2] or ""
    if len(whole) + len(decimals) > _MOST_DIGITS:
        raise ValueError(f"has more than {_MOST_DIGITS} digits")
    return int(whole + decimals) * units[match[3]], 10 ** len(decimals)


def _in_largest_unit(count: int, units: Mapping[str, int]) -> str:
    """Return a count of the smallest unit in the largest unit that divides it."""
    for unit, factor in reversed(list(units.items())):
        if count >= factor and count % factor == 0:
            return f"{count // factor}{unit}"
    return f"{count}{next(iter(units))}"


class Uri(str):
    """A URI that may hold a password; :meth:`masked` is what may be shown of it."""

    def masked(self) -> str:
        """Return the URI with ``********`` in place of its passwords.

        The password before the host ends at the last ``@``, so that one with an unescaped ``@`` or ``/`` is
        masked as a whole. In the query, the value of each key that names a secret is masked.
        """
        scheme, separator, rest = self.partition("://")
        if not separator:
            scheme, rest = "", str(self)
        spans = []
        if not rest.startswith("/") and (user := re.match(_USER_INFORMATION, rest, re.DOTALL)):
            spans.append(user.span(1))
        spans += [item.span(2) for item in re.finditer(_QUERY_ITEM, rest) if _is_secret(item[1], item[2])]
        return scheme + separator + _masked_spans(rest, spans)


# Texts, since few commands show a URI: each is compiled when it is used.
_USER_INFORMATION = r"[^:]*:(.*)@"
_QUERY_ITEM = r"[?&]([^=&?]+)=([^&]*)"
_SECRET_KEY = r"passw|passphrase|pwd|secret|token|api_?key|credential"  # nosec B105
# A complete ODBC connection string holds "PWD=…".
_SECRET_VALUE = r"(pwd|password)\s*="  # nosec B105


def _is_secret(key: str, value: str) -> bool:
    """Return whether an item of a query holds a secret."""
    # Imported here for the same reason.
    from urllib.parse import unquote

    return bool(
        re.search(_SECRET_KEY, unquote(key), re.IGNORECASE)
        or re.search(_SECRET_VALUE, unquote(value), re.IGNORECASE)
    )


def _masked_spans(text: str, spans: list[tuple[int, int]]) -> str:
    """Return the text with a mask in place of each span; spans that overlap have one mask."""
    parts, end = [], 0
    for first, last in sorted(spans):
        if first >= end:
            parts += [text[end:first], MASK]
        end = max(end, last)
    return "".join([*parts, text[end:]])
