"""One process of the worker: threads that run jobs, beside the one that serves health and metrics."""

from __future__ import annotations

from debonair.database.engine import engine_of
from debonair.errors import UnhealthyError
from debonair.jobs.metrics import Queue
from debonair.server.event_loop import Epoll
from debonair.web import metrics
from debonair.web.health import monitor_of
from debonair.worker.dispatcher import Dispatcher


class JobProcess(Epoll):
    """A worker of the server that also runs jobs."""

    def load_wsgi(self) -> None:
        """Load the application, and add the health of the dispatcher to its checks."""
        super().load_wsgi()
        self._dispatcher = Dispatcher(self.wsgi, self._replace)
        monitor_of(self.wsgi).add("jobs", self._check)
        metrics.queried.append(Queue(lambda: engine_of(self.wsgi)))

    def run(self) -> None:
        """Run jobs until the worker is told to stop; then let them finish, or give them back."""
        self._dispatcher.start()
        super().run()
        self._dispatcher.stop(self.notify)

    def _replace(self) -> None:
        """End this process, so that the master process starts another one."""
        self.alive = False
        self._wake()

    def _check(self) -> None:
        if (reason := self._dispatcher.failing()) is not None:
            raise UnhealthyError(reason)
