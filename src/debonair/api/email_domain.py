"""The import of marshmallow, without the 25 ms that it takes to compile one regular expression.

marshmallow compiles the expression for the domain of an e-mail address when it is imported. That one ignores
the case of 65,000 characters, which Python looks up one by one. Here it is compiled when the first address is
validated. Import this module before marshmallow; later, it changes nothing.

What is used here and not documented by marshmallow is named in
``src/tests/chassis/test_adapters_libraries.py``.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any


class Deferred:
    """A regular expression that is compiled when one of its methods is first used."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._source = (pattern, flags)

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(*self._source)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._compiled, name)


def _import_marshmallow() -> None:
    compile_now: Any = re.compile

    def compile_later(pattern: Any, flags: Any = 0) -> Any:
        every_letter = isinstance(pattern, str) and "\uffff" in pattern and flags & re.IGNORECASE
        return Deferred(pattern, flags) if every_letter else compile_now(pattern, flags)

    setattr(re, "compile", compile_later)  # noqa: B010
    try:
        import marshmallow.validate  # noqa: F401
    finally:
        setattr(re, "compile", compile_now)  # noqa: B010


_import_marshmallow()
