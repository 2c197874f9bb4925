"""The environment variables that set options, and those of other programs that look like them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from debonair.config.declared import Declared, spellings
from debonair.config.places import Key, Place, Text
from debonair.errors import Fault
from debonair.names import Service
from debonair.settings import did_you_mean, is_address

# Variables that systemd sets (systemd.exec(5), "Environment Variables Set or Propagated by the Service
# Manager", sd_listen_fds(3), sd_watchdog_enabled(3)). They look like options of a service that is called
# "notify" or "state".
_SYSTEMD = (
    r"NOTIFY_SOCKET|JOURNAL_STREAM|INVOCATION_ID|LOG_NAMESPACE|SYSTEMD_\w+|XDG_\w+"
    r"|LISTEN_(FDS|PID|FDNAMES|PIDFDID)|WATCHDOG_(USEC|PID)|MEMORY_PRESSURE_(WATCH|WRITE)"
    r"|(STATE|CACHE|LOGS|RUNTIME|CONFIGURATION|CREDENTIALS)_DIRECTORY"
    r"|SERVICE_RESULT|EXIT_(CODE|STATUS)|TRIGGER_\w+|MONITOR_\w+|REMOTE_(ADDR|PORT)"
)

_LINK_URL = r"(tcp|udp|sctp)://\S+"
_LINK_SUFFIX = (
    r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_[0-9]+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?|NAME|ENV_\w+"
)


def configuration_file(service: Service, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the INI file to read.

    ``<SVC>_CONFIG`` names it. Else an installed service reads ``/etc/<svc>/config.ini``, or None where that
    directory does not exist: a container has its configuration in the environment. A checkout reads
    ``config.ini`` beside ``setup.cfg``, or None where that file does not exist.
    """
    environ = os.environ if environ is None else environ
    named = environ.get(_file_variable(service))
    if named:
        return Path(named)
    default = service.configuration
    found = default.parent.is_dir() if service.project is None else os.path.lexists(default)
    return default if found else None


def environment_variable(service: Service, section: str, key: str) -> str:
    """Return the environment variable that sets the key, such as ``EXAMPLE_SERVICE_SERVER_PORT``."""
    return service.environment_prefix + re.sub(r"\W", "_", f"{section}_{key}").upper()


def _file_variable(service: Service) -> str:
    return f"{service.environment_prefix}CONFIG"


def read_environment(
    service: Service, declared: Declared, environ: Mapping[str, str], faults: list[Fault]
) -> dict[Key, Text]:
    """Return the texts of the variables that set an option.

    A variable that begins with the service's name and sets none is a fault: it may be misspelt. Variables of
    systemd, and those that Kubernetes and Docker set for another service, are ignored.
    """
    prefix = service.environment_prefix
    variables = {
        environment_variable(service, name, spelling): (name, spelling)
        for (name, key), item in declared
        for spelling in spellings(key, item)
    }
    bases = _link_bases(environ)
    found = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(prefix) or variable == _file_variable(service):
            continue
        place = Place(f"environment {variable}")
        if variable in variables and not (re.fullmatch(_LINK_URL, value) and _is_link(variable, bases)):
            found[variables[variable]] = Text(value, place)
        elif (
            variable not in variables
            and not re.fullmatch(_SYSTEMD, variable)
            and not _is_link(variable, bases)
        ):
            hint = did_you_mean(variable, [*variables, _file_variable(service)])
            faults.append(place.fault(f"stands for no key of any section{hint}"))
    return found


def _link_bases(environ: Mapping[str, str]) -> set[str]:
    """Return the names that begin the variables of services in a cluster, such as ``ORDERS_API``.

    Kubernetes sets ``ORDERS_API_SERVICE_HOST=10.0.0.1``, ``ORDERS_API_PORT=tcp://10.0.0.1:80`` and others; a
    link of Docker sets the latter. Their values differ from those of a misspelt name.
    """
    bases = set()
    for variable, value in environ.items():
        host, url = variable.removesuffix("_SERVICE_HOST"), re.sub(r"_PORT(_[0-9]+_[A-Z]+)?$", "", variable)
        if host != variable and is_address(value):
            bases.add(host)
        elif url != variable and re.fullmatch(_LINK_URL, value):
            bases.add(url)
    return bases


def _is_link(variable: str, bases: set[str]) -> bool:
    """Return whether a variable is one of those that describe another service."""
    return any(
        variable.startswith(f"{base}_") and re.fullmatch(_LINK_SUFFIX, variable[len(base) + 1 :])
        for base in bases
    )
