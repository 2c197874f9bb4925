"""Names and fixed paths: everything that follows from a service's package name.

Code, packaging and provisioning agree because all of them take these names, and none is configurable.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

DEVELOPMENT = "development"
PRODUCTION = "production"

WEB = "web"
"""The process role that serves requests: ``<svc>.service``."""

WORKER = "worker"
"""The process role that runs jobs: ``<svc>-worker.service``."""


@dataclass(frozen=True)
class Service:
    """A service, by name.

    :param package: its Python package, such as ``example_service``.
    :param directory: where that package's files are.
    :param project: the directory of the source checkout that it runs from; None when it is installed.
    :param environment: ``development`` or ``production``; decides where state, logs and runtime
        files are.
    """

    package: str
    directory: Path
    project: Path | None = None
    environment: str = PRODUCTION

    @classmethod
    def of(cls, package: str) -> Service:
        """Return the service whose Python package is ``package``.

        A package outside of any ``site-packages`` runs from a checkout of its source: that is
        development. An installed one is production. The configuration may say otherwise.

        :raises ModuleNotFoundError: when there is no such package.
        """
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"there is no Python package {package!r}")
        directory = Path(spec.origin).resolve().parent
        if {"site-packages", "dist-packages"} & set(directory.parts):
            return cls(package, directory)
        source = directory.parent
        project = source.parent if source.name == "src" else source
        return cls(package, directory, project, DEVELOPMENT)

    def in_environment(self, environment: str) -> Service:
        """Return the same service in another environment."""
        return replace(self, environment=environment)

    @property
    def name(self) -> str:
        """The name of the package on Debian, of the command, the units and the user."""
        return self.package.replace("_", "-")

    @cached_property
    def version(self) -> str:
        """The installed version; ``0+unknown`` when the package was never installed."""
        try:
            return importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError:
            return "0+unknown"

    @property
    def production(self) -> bool:
        """Whether the environment is production."""
        return self.environment == PRODUCTION

    @property
    def environment_prefix(self) -> str:
        """What the names of its environment variables begin with, such as ``EXAMPLE_SERVICE_``."""
        return self.package.upper() + "_"

    @property
    def configuration(self) -> Path:
        """The INI file that it reads when no other is named; in a checkout it is beside ``setup.cfg``."""
        if self.production or self.project is None:
            return Path("/etc", self.name, "config.ini")
        return self.project / "config.ini"

    @property
    def state_directory(self) -> Path:
        """Where it keeps its data; Flask's instance folder."""
        if self.production or self.project is None:
            return Path("/var/lib", self.name)
        return self.project / "instance"

    @property
    def log_directory(self) -> Path:
        """Where its log files are in production."""
        return Path("/var/log", self.name)

    def log_file(self, role: str = WEB) -> Path:
        """The log file of a process role in production."""
        return self.log_directory / f"{self.unit(role)}.log"

    def runtime_directory(self, role: str = WEB) -> Path:
        """Where the running process of a role keeps what is true only while it runs.

        That of ``web`` is ``/run/<svc>`` itself; every other role has a directory below it.
        """
        installed = self.production or self.project is None
        top = Path("/run", self.name) if installed else self.state_directory / "run"
        return top if role == WEB else top / role

    def state_file(self, role: str = WEB) -> Path:
        """The file in which the running process of a role records its version and configuration."""
        return self.runtime_directory(role) / "started"

    def metrics_directory(self, role: str = WEB) -> Path:
        """Where the running processes of a role keep the values of their metrics."""
        return self.runtime_directory(role) / "metrics"

    def unit(self, role: str = WEB) -> str:
        """The name of the systemd unit of a role, without its type: ``orders``, ``orders-worker``."""
        return self.name if role == WEB else f"{self.name}-{role}"

    @property
    def jobs_module(self) -> str | None:
        """The module or package that declares its jobs, such as ``orders.jobs``; None without such."""
        if self.package == __name__.partition(".")[0]:  # the chassis has jobs for others
            return None
        places = (self.directory / "jobs.py", self.directory / "jobs" / "__init__.py")
        return f"{self.package}.jobs" if any(place.is_file() for place in places) else None

    @property
    def roles(self) -> tuple[str, ...]:
        """The process roles that it has: ``web``, and ``worker`` when it declares jobs."""
        return (WEB, WORKER) if self.jobs_module else (WEB,)

    @property
    def virtual_environment(self) -> Path:
        """Where the package puts its virtual environment."""
        return Path("/opt/venvs", self.name)

    @property
    def command(self) -> Path:
        """The command of the installed service."""
        return Path("/usr/bin", self.name)

    @property
    def facts(self) -> Path:
        """The file in which the build records what the package holds."""
        return Path("/usr/share", self.name, "facts.json")
