"""Jobs within an application: the module with the service's jobs is imported."""

from __future__ import annotations

import importlib

from flask import Flask

from debonair.database import own_tables
from debonair.errors import CommandError
from debonair.names import Service
from debonair.settings import JobsSection, Settings

_EXTENSION = "debonair_jobs"


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Import the module ``<package>.jobs``; a service without it has no jobs.

    :raises CommandError: when that module imports one that is not installed.
    """
    if service.jobs_module is not None:
        from debonair.jobs.table import MIGRATIONS

        own_tables.register(app, "jobs", MIGRATIONS)
        app.extensions[_EXTENSION] = (settings[JobsSection], service)
        try:
            importlib.import_module(service.jobs_module)
        except ModuleNotFoundError as error:
            raise CommandError(f"{service.jobs_module} cannot be imported: {error}") from error


def require_module(service: Service) -> None:
    """Check that the jobs of a service are declared where a worker finds them; its modules are imported.

    :raises CommandError: when it has jobs, but no module for them.
    """
    if service.jobs_module is not None:
        return
    from debonair.jobs.declaration import jobs_of

    for name, job in jobs_of(service.package).items():
        raise CommandError(
            f"the job {name!r} is declared in {job.function.__module__}, and no worker would run it: declare "
            f"jobs in the module {service.package}.jobs, or import theirs there"
        )


def settings_of(app: Flask) -> JobsSection:
    """Return the section ``[jobs]`` of an application.

    :raises CommandError: when it has no jobs.
    """
    _require(app)
    found: JobsSection = app.extensions[_EXTENSION][0]
    return found


def service_of(app: Flask) -> Service:
    """Return the service of an application. :raises CommandError: when it has no jobs."""
    _require(app)
    found: Service = app.extensions[_EXTENSION][1]
    return found


def _require(app: Flask) -> None:
    if _EXTENSION not in app.extensions:
        raise CommandError(
            f"{app.import_name} has no jobs: declare them in its module {app.import_name}.jobs"
        )
