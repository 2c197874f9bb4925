"""The configuration as text: a sample of every option with comments, and the values in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from debonair.config.layers import Configuration, package_defaults
from debonair.names import Service
from debonair.settings import (
    SECRET_FILE_SUFFIX,
    Option,
    Section,
    Uri,
    has_instances,
    name_of,
    options_of,
    title_of,
    values_of,
)


def sample(service: Service, sections: Iterable[type[Section]]) -> str:
    """Return an INI file that names every option with its help; all but the headers is commented out.

    The values are the defaults, those of the package's ``default_config.ini`` over those of the options.
    """
    own = package_defaults(service)
    lines = [
        f"# Configuration of {service.name}. A line that begins with # is a comment. An option that is",
        "# commented out has the value shown. ${NAME} stands for an environment variable, $$ for a dollar.",
    ]
    for section in sections:
        lines += ["", f"# {(section.__doc__ or name_of(section)).strip()}", _header(section)]
        for key, item in options_of(section).items():
            lines += [
                "",
                f"# {item.help}",
                f"# {_kind(item)}",
                _sample_line(key, item, own.get((name_of(section), key))),
            ]
    return "\n".join(lines) + "\n"


def _header(section: type[Section]) -> str:
    # A file names the instances that it has, so in the sample the header of one is a comment too.
    name = name_of(section)
    return f"#[{name}:NAME]" if has_instances(section) else f"[{name}]"


def _kind(item: Option[Any]) -> str:
    bounds = [
        f"{word} {item.format(bound)}"
        for word, bound in (("at least", item.min), ("at most", item.max))
        if bound is not None
    ]
    notes = [item.type_name, *bounds]
    if item.required:
        notes.append("required")
    elif item.default_help:
        notes.append(f"default: {item.default_help}")
    if item.secret:
        notes.append(f"secret; {item.name}{SECRET_FILE_SUFFIX} may name a file that holds it")
    return "; ".join(notes)[:1].upper() + "; ".join(notes)[1:] + "."


def _sample_line(key: str, item: Option[Any], own: str | None) -> str:
    default = item.default_for(None)
    value = "" if item.required or default is None else item.format(default)
    if own is not None and not item.secret:
        value = item.display(item.type(own)) if item.type is Uri else own.replace("\n", ", ")
    return f"#{key} = {value}".rstrip()


def shown(configuration: Configuration, describe: Callable[[str, str, str], str]) -> Iterator[str]:
    """Yield a line for each value in force, from ``describe(key, value, origin)``, with secrets masked."""
    for section in configuration.settings:
        title, values = title_of(section), values_of(section)
        yield f"[{title}]"
        for key, item in options_of(section).items():
            yield describe(key, item.display(values[key]), configuration.origins[title, key])
        yield ""
