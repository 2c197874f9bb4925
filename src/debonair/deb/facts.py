"""The facts of a service: what its Debian package holds, as a JSON document that other programs read.

The build runs ``python -m debonair.deb.facts <svc> [<unit>...]`` with the interpreter of the virtual
environment that it has made, in the directory of the service's source, and installs the output as
``/usr/share/<svc>/facts.json``. The README of this package has the table of its fields.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from debonair.config.layers import package_defaults
from debonair.names import PRODUCTION, Service
from debonair.settings import ServerSection, name_of


def facts(service: Service, units: Iterable[str] = (), project: Path | None = None) -> dict[str, Any]:
    """Return the facts of a service.

    :param units: the names of the systemd units that the package installs, such as ``orders.service``.
    :param project: the directory of the service's source, whose ``.cruft.json`` names the template.
    :raises ValueError: when the port in ``default_config.ini`` is no number, or ``.cruft.json`` no JSON.
    """
    service = service.in_environment(PRODUCTION)
    return {
        "chassis": importlib.metadata.version("debonair"),
        "name": service.name,
        "package": service.package,
        "paths": paths(service),
        "port": port(service),
        "roles": list(service.roles),
        "template": template(project) if project else None,
        "units": sorted(units),
        "user": service.name,
        "version": service.version,
    }


def paths(service: Service) -> dict[str, str]:
    """Return the fixed paths of an installed service, by what they hold."""
    installed = service.in_environment(PRODUCTION)
    return {
        "command": str(installed.command),
        "configuration": str(installed.configuration),
        "facts": str(installed.facts),
        "log": str(installed.log_file()),
        "logs": str(installed.log_directory),
        "runtime": str(installed.runtime_directory()),
        "state": str(installed.state_directory),
        "virtual_environment": str(installed.virtual_environment),
    }


def port(service: Service) -> int:
    """Return the TCP port of the service's ``default_config.ini``, or else the default of the chassis."""
    text = package_defaults(service).get((name_of(ServerSection), "port"))
    if text is None:
        return ServerSection().port
    try:
        return ServerSection.port.parse(text)
    except ValueError as error:
        raise ValueError(f"default_config.ini: [server] port: {error}") from None


def template(project: Path) -> dict[str, Any] | None:
    """Return the revision of the template and the answers it was given, or None without a ``.cruft.json``.

    Names that begin with an underscore are left out: they hold paths of a machine, and are no answers.
    """
    file = project / ".cruft.json"
    if not file.is_file():
        return None
    recorded = json.loads(file.read_text(encoding="utf-8"))
    answers = recorded.get("context", {}).get("cookiecutter", {})
    return {
        "answers": {name: answer for name, answer in answers.items() if not name.startswith("_")},
        "revision": recorded.get("commit"),
    }


def document(found: dict[str, Any]) -> str:
    """Return facts as the text of the file: sorted keys, indented, one final newline."""
    return json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    """Print the facts of the service whose name is the first argument; the others are its units."""
    name, *units = arguments
    service = Service.of(name.replace("-", "_"))
    try:
        sys.stdout.write(document(facts(service, units, Path.cwd())))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
