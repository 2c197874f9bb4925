"""The grammar of an INI file: the only scanner of them.

A line ends with a newline, with or without a carriage return before it, and with no other character. Blanks
are spaces and tabs. A line is one of

* an empty line, or a comment: its first character that is not a blank is ``#``;
* a header: ``[section]``;
* a key and its value: ``key = value`` or ``key: value``;
* a further line of the value before it: it is indented deeper than the line with the key.

A value keeps its lines, without the blanks around each and without comments and empty lines at its end.
"""

from __future__ import annotations

import re

from debonair.config.places import Key, printable

DEFAULT_SECTION = "DEFAULT"
"""The section of ``extends``, ``overrides`` and of texts that others refer to."""

_BLANKS = " \t"
_HEADER = re.compile(r"\[(?P<name>[^\]]+)\](?P<rest>.*)", re.DOTALL)
_DELIMITER = re.compile(r"[=:]")


class Scan:
    """The content of one file."""

    def __init__(self) -> None:
        self.headers: dict[str, int] = {}
        """The line of each section's header, counted from 1."""
        self.texts: dict[Key, tuple[str, int]] = {}
        """The text of each key, and the line of the key."""
        self.faults: list[tuple[int, str]] = []
        """Line and message of everything that does not fit the grammar."""


def scan(text: str) -> Scan:
    """Return what the text of a file says, and what is wrong with it."""
    return _Scanner().run(text)


class _Scanner:
    """The state between two lines: the section, the value that is being read, and its indentation."""

    def __init__(self) -> None:
        self.found = Scan()
        self.section: str | None = None
        self.key: Key | None = None
        self.lines: list[str] = []
        self.indentation = 0

    def run(self, text: str) -> Scan:
        """Take all lines of a text."""
        for number, line in enumerate(text.split("\n"), 1):
            if not self.take(number, line.removesuffix("\r")):
                break
        self.end_value()
        return self.found

    def take(self, number: int, line: str) -> bool:
        """Take one line; return False when what follows cannot be understood."""
        content = line.strip(_BLANKS)
        indentation = len(line) - len(line.lstrip(_BLANKS))
        if content.startswith("#"):
            return True
        if not content:
            self.lines.append("")
            return True
        if self.key is not None and indentation > self.indentation:
            self.lines.append(content)
            return True
        self.end_value()
        self.indentation = indentation
        if content.startswith("["):
            return self.take_header(number, content)
        return self.take_key(number, content)

    def take_header(self, number: int, content: str) -> bool:
        """Take a line that begins with a bracket."""
        header = _HEADER.fullmatch(content)
        if header is None:
            # Without the section's name, each of its keys would be a fault of its own.
            message = "a section's name stands in brackets: the second one is missing"
            if "]" in content:
                message = "the brackets hold no section's name"
            self.fault(number, message)
            return False
        self.section = name = header["name"]
        if rest := header["rest"].strip(_BLANKS):
            hint = ": a comment stands on a line of its own" if rest[0] in "#;" else ""
            self.fault(number, f"nothing may follow [{printable(name)}] on its line{hint}")
        if name in self.found.headers:
            self.fault(number, f"section [{printable(name)}] is given twice: join the two")
        self.found.headers.setdefault(name, number)
        return True

    def take_key(self, number: int, content: str) -> bool:
        """Take a line that should hold a key and the beginning of its value."""
        if self.section is None:
            self.fault(number, "no section yet: a line such as [server] must come first")
            return False
        delimiter = _DELIMITER.search(content)
        name = content[: delimiter.start()].rstrip(_BLANKS) if delimiter else ""
        if delimiter is None or not name:
            hint = ": a comment begins with #" if content.startswith(";") else ""
            self.fault(number, f"is neither [section], nor key = value, nor # comment{hint}")
            return True
        key = (self.section, name)
        if key in self.found.texts:
            first = self.found.texts[key][1]
            self.fault(number, f"{printable(name)} is given twice: the first time in line {first}")
            return True
        self.key = key
        self.lines = [content[delimiter.end() :].strip(_BLANKS)]
        self.found.texts[key] = ("", number)
        return True

    def end_value(self) -> None:
        """Note the value that was read, when there is one."""
        if self.key is not None:
            text = "\n".join(self.lines).rstrip("\n")
            self.found.texts[self.key] = (text, self.found.texts[self.key][1])
        self.key, self.lines = None, []

    def fault(self, number: int, message: str) -> None:
        """Note a fault in a line."""
        self.found.faults.append((number, message))
