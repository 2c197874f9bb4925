"""What the server relies on in gunicorn beyond its documentation, so that a new version fails here first.

The modules that use it, in ``debonair.server``: ``master``, ``worker``, ``service_worker``, ``event_loop``,
``connection``, ``http_request``, ``responses``, ``refusals``, ``launch`` and ``sockets``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gunicorn.app.base
import gunicorn.arbiter
import gunicorn.config
import gunicorn.glogging
import gunicorn.http.unreader
import gunicorn.http.wsgi
import gunicorn.sock
import gunicorn.util
import gunicorn.workers.base
import pytest
from gunicorn import systemd
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.message import Message, Request
from gunicorn.http.wsgi import Response
from gunicorn.workers import base, gthread, sync
from gunicorn.workers.gthread import TConn, ThreadWorker
from gunicorn.workers.sync import SyncWorker

Arbiter = gunicorn.arbiter.Arbiter
SocketUnreader = gunicorn.http.unreader.SocketUnreader
Unreader = gunicorn.http.unreader.Unreader

SIGNATURES: list[tuple[Callable[..., Any], str]] = [
    (Arbiter.handle_term, "(self)"),
    (Arbiter.handle_int, "(self)"),
    (Arbiter.spawn_worker, "(self)"),
    (Arbiter.wait_for_signals, "(self, timeout=1.0)"),
    (Arbiter.reap_workers, "(self)"),
    (Arbiter.murder_workers, "(self)"),
    (base.Worker.init_process, "(self)"),
    (base.Worker.init_signals, "(self)"),
    (base.Worker.notify, "(self)"),
    (base.Worker.handle_error, "(self, req, client, addr, exc)"),
    (SyncWorker.wait, "(self, timeout)"),
    (SyncWorker.run, "(self)"),
    (ThreadWorker.run, "(self)"),
    (SyncWorker.handle, "(self, listener, client, addr)"),
    (Unreader.take_buffered, "(self)"),
    (Unreader.unread, "(self, data)"),
    (Unreader.chunk, "(self, size_hint=None)"),
    (gunicorn.util.close_graceful, "(sock, timeout=2.0, max_drain=65536)"),
    (gunicorn.util.chown, "(path, uid, gid)"),
    (gunicorn.util.write_error, "(sock, status_int, reason, mesg)"),
    (gunicorn.util.write_nonblock, "(sock, data, chunked=False)"),
    (Response.send_headers, "(self)"),
    (systemd.listen_fds, "(unset_environment=True)"),
    (systemd.sd_notify, "(state, logger, unset_environment=False)"),
    (gunicorn.glogging.Logger.setup, "(self, cfg)"),
]

# A function of gunicorn, a text of its source, and what of ours relies on it.
CALLS: list[tuple[Callable[..., Any], str, str]] = [
    (Arbiter.run, "self.wait_for_signals(timeout=1.0)", "a hand-over shortens the wait of the main loop"),
    (Arbiter.run, "self.murder_workers()", "the watchdog and the hand-over are served in every turn"),
    (Arbiter.stop, "self.reap_workers()", "the watchdog is notified while a stop waits for workers"),
    (Arbiter.stop, "(signal.SIGINT, signal.SIGQUIT)", "a second SIGINT aborts the requests in progress"),
    (Arbiter.handle_term, "raise StopIteration", "Master.handle_term() does not return without drain"),
    (Arbiter.run, "except (StopIteration, KeyboardInterrupt)", "Master stops by StopIteration"),
    (Arbiter.spawn_worker, "os.fork()", "the stop signals are blocked while a worker is forked"),
    (Arbiter.spawn_worker, "self.WORKERS[pid] = worker", "choose_processor() looks at all workers"),
    (Arbiter.reap_workers, "self.cfg.child_exit(self, worker)", "the metrics of a worker are merged"),
    (Arbiter.reap_workers, "self.reexec_pid = 0", "the metrics of a successor that failed are merged"),
    (Arbiter.start, "self.cfg.on_starting(self)", "the state file is written, or a predecessor remembered"),
    (Arbiter.start, "self.systemd = True", "pass_sockets_on() is for systemd's sockets"),
    (Arbiter.start, "environ.pop('GUNICORN_FD')", "sockets.inherited() reads what a predecessor passes"),
    (Arbiter.reexec, "environ['GUNICORN_PID'] = str(master_pid)", "sockets.predecessor_pid() reads it"),
    (Arbiter.reexec, "self.cfg.env_orig.copy()", "the successor inherits PROMETHEUS_MULTIPROC_DIR"),
    (Arbiter.reexec, "self.cfg.pre_exec(self)", "pass_sockets_on() runs before the new process"),
    (Arbiter.reexec, "environ['LISTEN_FDS']", "the successor finds systemd's sockets"),
    (Arbiter.halt, "self.cfg.on_exit(self)", "the state file is removed"),
    (base.Worker.init_process, "self.cfg.post_worker_init(self)", "checks start, and the worker is ready"),
    (base.Worker.init_process, "self.init_signals()", "the stop signals are unblocked"),
    (gunicorn.sock.UnixSocket.bind, "util.chown(self.cfg_addr", "_chown() replaces the function"),
    (gunicorn.sock.UnixSocket.bind, "os.umask(self.conf.umask)", "worker.launch limits who may connect"),
    (base.Worker.handle_error, "util.write_error(client", "write_problem() replaces the function"),
    (gunicorn.http.wsgi.create, "response_class = Response", "ClosingResponse replaces the class"),
    (sync.SyncWorker.handle, "util.close_graceful(client)", "Lingering.add() replaces the function"),
    (TConn.close, "util.close_graceful(self.sock)", "Lingering.add() replaces the function"),
    (Response.write, "self.send_headers()", "ClosingResponse decides whether the connection stays open"),
    (Request.__init__, "super().__init__(cfg, unreader, peer_addr)", "parse_rare() makes a request"),
    (Message.__init__, "self.unreader.unread(unused)", "parse_rare() takes back what follows the headers"),
    (base.Worker.init_process, "self.PIPE = os.pipe()", "Epoll waits for signals"),
    (ThreadWorker.finish_request, "conn.close(graceful=True)", "Lingering.add() is called"),
    (SyncWorker.wait, "select.select(self.wait_fds", "Sync wakes up for lingering connections"),
    (SyncWorker.accept, "self.handle(listener, client, addr)", "Sync bounds the time of a request"),
    (SocketUnreader.chunk, "self.sock.recv(size)", "Sync bounds the time of a request by recv()"),
    (ThreadWorker.run, "self.notify()", "lingering connections are looked at in every turn"),
    (SyncWorker.run_for_one, "self.notify()", "lingering connections are looked at in every turn"),
    (SyncWorker.run_for_multiple, "self.wait(timeout)", "Sync waits no longer than a connection lingers"),
    (ChunkedReader.read, "self.parser = None", "ClosingResponse sees that the body was read to its end"),
    (LengthReader.read, "self.length -= size", "ClosingResponse sees that the body was read to its end"),
]

ATTRIBUTES: list[tuple[Callable[..., Any], list[str]]] = [
    (Arbiter.__init__, ["systemd", "reexec_pid", "SIG_QUEUE"]),
    (base.Worker.__init__, ["alive", "ppid", "sockets", "app", "cfg", "log", "max_requests"]),
    (ThreadWorker.__init__, ["poller"]),
    (Response.__init__, ["req", "headers", "headers_sent"]),
    (LengthReader.__init__, ["length"]),
    (Body.__init__, ["reader"]),
    (Message.__init__, ["unreader", "body", "headers", "version", "must_close"]),
    (Request.__init__, ["method", "uri", "path", "query"]),
]


def name(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


@pytest.mark.parametrize(
    ("function", "signature"), SIGNATURES, ids=lambda value: getattr(value, "__name__", "")
)
def test_function_has_the_signature_that_is_overridden_or_called(
    function: Callable[..., Any], signature: str
) -> None:
    found = str(inspect.signature(function))
    assert found == signature, (
        f"gunicorn {gunicorn.__version__} changed {name(function)} to {found}: adapt debonair.server"
    )


@pytest.mark.parametrize(("function", "text", "use"), CALLS, ids=lambda value: getattr(value, "__name__", ""))
def test_function_does_what_is_relied_on(function: Callable[..., Any], text: str, use: str) -> None:
    assert text in inspect.getsource(function), (
        f"gunicorn {gunicorn.__version__} has no {text!r} in {name(function)} any more: {use}; "
        "adapt debonair.server"
    )


@pytest.mark.parametrize(
    ("function", "attributes"), ATTRIBUTES, ids=lambda value: getattr(value, "__qualname__", "")
)
def test_object_has_the_attributes_that_are_used(function: Callable[..., Any], attributes: list[str]) -> None:
    source = inspect.getsource(function)
    for attribute in attributes:
        assert f"self.{attribute} =" in source, (
            f"gunicorn {gunicorn.__version__} sets no {attribute!r} in {name(function)} any more: "
            "adapt debonair.server"
        )


def test_workers_are_kept_by_process_id() -> None:
    assert Arbiter.WORKERS == {} and Arbiter.LISTENERS == [], (
        "gunicorn changed Arbiter.WORKERS or LISTENERS: adapt choose_processor() and pass_sockets_on()"
    )
    assert systemd.SD_LISTEN_FDS_START == 3


def test_workers_look_for_functions_in_the_module_where_they_are_replaced() -> None:
    for module in (base, gthread, sync):
        assert module.util is gunicorn.util, f"{module.__name__} does not use gunicorn.util any more"


def test_environment_is_copied_when_the_configuration_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/somewhere")
    assert gunicorn.config.Config().env_orig["PROMETHEUS_MULTIPROC_DIR"] == "/somewhere"
