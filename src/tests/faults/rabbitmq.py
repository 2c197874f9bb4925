"""A RabbitMQ of the tests' own, which they may kill, stop, fill and cut off."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.faults.sample import wait_for

PROGRAMS = Path("/usr/lib/rabbitmq/bin")
PASSWORD = "correct-horse-battery"
PATIENCE = 120.0
"""Seconds that the server may take to start: Erlang is slow on a machine that is busy."""


def why_not() -> str | None:
    """Return why no RabbitMQ can be run here, or None."""
    if not (PROGRAMS / "rabbitmq-server").exists():
        return "there is no RabbitMQ: apt-get install rabbitmq-server"
    if importlib.util.find_spec("pika") is None:
        return "there is no pika: pip install pika"
    if os.getuid() not in (0, pwd.getpwnam("rabbitmq").pw_uid):
        return "RabbitMQ of Debian is run by root or rabbitmq only"
    return None


def libraries(directory: Path) -> Path:
    """Return a directory with the client library, for a service whose environment is without."""
    spec = importlib.util.find_spec("pika")
    assert spec and spec.origin
    (directory / "pika").symlink_to(Path(spec.origin).parent)
    return directory


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Broker:
    """A node with its own name, ports, cookie and directories, run by Debian's unprivileged user."""

    def __init__(self) -> None:
        self._owner = pwd.getpwnam("rabbitmq")
        self.directory = Path(tempfile.mkdtemp(prefix="debonair-rabbitmq-"))
        self.port, distribution, epmd = free_port(), free_port(), free_port()
        (self.directory / ".erlang.cookie").write_text("of-these-tests-only")
        (self.directory / ".erlang.cookie").chmod(0o400)
        (self.directory / "plugins").write_text("[].\n")
        (self.directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"default_user = tests\ndefault_pass = {PASSWORD}\nloopback_users = none\n"
            "vm_memory_high_watermark.absolute = 2GB\ndisk_free_limit.absolute = 10MB\n"
            "log.file.level = warning\n"
        )
        for path in (self.directory, *self.directory.iterdir()):
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)
        self._environment = {
            "HOME": str(self.directory),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"tests-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
            # One scheduler that sleeps at once: the machine has other work.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def _identity(self) -> dict[str, Any]:
        if os.getuid() != 0:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}

    def _popen(self, program: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [PROGRAMS / program, *arguments],
            cwd=self.directory, env=self._environment, start_new_session=True, **self._identity(), **options,
        )  # fmt: skip

    def uri(self, *ports: int, query: str = "") -> str:
        """Return its URI; with the ports of others, that of several brokers."""
        places = ",".join(f"127.0.0.1:{port}" for port in ports or (self.port,))
        return f"amqp://tests:{PASSWORD}@{places}/%2f{query}"

    def begin(self) -> None:
        """Start the server, unless it runs."""
        if self._process is None or self._process.poll() is not None:
            output = (self.directory / "output").open("ab")
            with output:
                self._process = self._popen("rabbitmq-server", stdout=output, stderr=output)

    def start(self) -> None:
        """Start the server, unless it runs, and wait until it accepts connections."""
        self.begin()
        wait_for(self.accepts, "RabbitMQ starts", PATIENCE)

    def accepts(self) -> bool:
        """Return whether it greets a client: it sends its own version to one that has a wrong one."""
        assert self._process
        assert self._process.poll() is None, (self.directory / "output").read_text()[-2000:]
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"AMQP\0\0\0\0")
            return connection.recv(8) == b"AMQP\0\0\x09\x01"

    def kill(self) -> None:
        """End all its processes but epmd by SIGKILL, as if the host had lost its power."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def control(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` and return its output."""
        process = self._popen("rabbitmqctl", *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = process.communicate()[0].decode()
        assert process.returncode == 0, output
        return output

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A channel of a client of the test's own."""
        import pika

        with pika.BlockingConnection(pika.URLParameters(self.uri())) as connection:
            yield connection.channel()

    def delete(self, queue: str) -> None:
        """Delete a queue, with its messages."""
        with self.channel() as channel:
            channel.queue_delete(queue)

    def ready(self, queue: str) -> int:
        """Return how many messages of a queue wait for a consumer; -1 when there is no such queue."""
        import pika.exceptions

        with self.channel() as channel:
            try:
                return int(channel.queue_declare(queue, passive=True).method.message_count)
            except pika.exceptions.ChannelClosedByBroker:
                return -1

    def remove(self) -> None:
        self.kill()
        # epmd is a daemon of its own, started by the node, and ends when no node needs it.
        subprocess.run(["epmd", "-kill"], env=self._environment, capture_output=True, check=False)
        shutil.rmtree(self.directory)
