"""The command ``worker``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debonair.errors import CommandError
from debonair.names import WORKER
from debonair.room import Argument, Context

if TYPE_CHECKING:
    from flask import Flask


class Worker:
    """Run the jobs of the service until a signal stops it; ``--check`` reports whether that would succeed."""

    arguments = (
        Argument("--check", action="store_true", dest="check_only",
                 help="build the application, run the health checks, and run no job"),
    )  # fmt: skip
    needs_app = False

    def run(self, context: Context, check_only: bool) -> int:
        """Run jobs until a signal ends the process, or check only.

        :raises CommandError: when the service has no jobs, or the worker cannot start.
        """
        service = context.configuration.service
        if service.jobs_module is None:
            raise CommandError(
                f"{service.name} has no jobs: declare them in the module {service.package}.jobs"
            )
        if check_only:
            from debonair.server import check

            check.run(context, WORKER)
            return 0
        from debonair.database.commands import require_migrated
        from debonair.server.launch import prepare

        metrics = prepare(context.configuration, WORKER)
        # It imports metrics, which look for their directory when they are imported.
        from debonair.worker.launch import WorkerServer

        def load() -> Flask:
            app = context.make_app(serving=True, role=WORKER)
            require_migrated(app)
            return app

        WorkerServer(context.configuration, load, metrics, WORKER).run()
        return 0
