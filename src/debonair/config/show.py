"""The configuration as text: a commented sample of every option, and the values in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from debonair.config.layers import Configuration, package_defaults
from debonair.names import Service
from debonair.settings import Option, Section


def sample(service: Service, sections: Iterable[type[Section]]) -> str:
    """Return an INI file that names every option with its help, all commented out but the headers.

    The values are the defaults, those of the package's ``default_config.ini`` over those of the options.
    """
    own = package_defaults(service)
    lines = [
        f"# Configuration of {service.name}. A line that begins with # is a comment; what is commented",
        "# out has the value shown. ${NAME} stands for an environment variable, $$ for a dollar sign.",
    ]
    for section in sections:
        lines += ["", f"# {(section.__doc__ or section.name).strip()}", _title(section)]
        for key, item in section.options.items():
            lines += [
                "",
                f"# {item.help}",
                f"# {_kind(item)}",
                _sample_line(key, item, own.get((section.name, key))),
            ]
    return "\n".join(lines) + "\n"


def _title(section: type[Section]) -> str:
    # Each file names the instances of its own, so that such a section is a comment too.
    return f"#[{section.name}:NAME]" if section.instances else f"[{section.name}]"


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
        notes.append(f"secret; {item.name}_file may name a file that holds it")
    return "; ".join(notes)[:1].upper() + "; ".join(notes)[1:] + "."


def _sample_line(key: str, item: Option[Any], own: str | None) -> str:
    default = item.default_for(None)
    value = "" if item.required or default is None else item.format(default)
    value = value if own is None or item.secret else own.replace("\n", ", ")
    return f"#{key} = {value}".rstrip()


def shown(configuration: Configuration, describe: Callable[[str, str, str], str]) -> Iterator[str]:
    """Yield a line for each value in force: ``describe(key, value, origin)``, secrets masked."""
    for section in configuration.settings:
        yield f"[{section.title}]"
        for key, item in section.options.items():
            yield describe(key, item.display(section.values[key]), configuration.origins[section.title, key])
        yield ""
