"""A PostgreSQL of the tests' own, which they may stop, hang and lock."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.faults.sample import children, wait_for

PASSWORD = "correct-horse-battery"


def binaries() -> Path | None:
    """Return the directory of the newest PostgreSQL that Debian has installed."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: int(path.parents[1].name), default=None)
    return newest.parent if newest else None


def why_not() -> str | None:
    """Return why no PostgreSQL can be run here, or None."""
    if binaries() is None:
        return "there is no PostgreSQL: apt-get install postgresql"
    if importlib.util.find_spec("psycopg") is None:
        return "there is no psycopg: pip install 'psycopg[binary]'"
    return None


def libraries(directory: Path) -> Path:
    """Return a directory with the driver, for a service whose environment is without."""
    spec = importlib.util.find_spec("psycopg")
    assert spec and spec.origin
    for path in Path(spec.origin).parents[1].glob("psycopg*"):
        (directory / path.name).symlink_to(path)
    return directory


class Cluster:
    """A server with a cluster of databases, run as an unprivileged user on a port of the loopback."""

    def __init__(self) -> None:
        import psycopg

        self._connect = psycopg.connect
        self._owner = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self._directory = Path(tempfile.mkdtemp(prefix="debonair-postgresql-"))
        os.chown(self._directory, self._owner.pw_uid, self._owner.pw_gid)
        found = binaries()
        assert found
        self._binaries = found
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        password = self._directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run(
            "initdb", "--username=tests", f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync",
            "--encoding=UTF8", "--locale=C.UTF-8", f"--pgdata={self._directory}/data",
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0

    def _identity(self) -> dict[str, Any]:
        if os.getuid() != 0:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / program, *arguments],
            cwd=self._directory, check=True, capture_output=True, **self._identity(),
        )  # fmt: skip

    def start(self) -> None:
        """Start the server, unless it runs, and wait until it responds."""
        if self._process and self._process.poll() is None:
            return
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "fsync": "off",
            "unix_socket_directories": self._directory,
        }  # fmt: skip
        self._process = subprocess.Popen(
            [self._binaries / "postgres", "-D", self._directory / "data"]
            + [f"--{name}={value}" for name, value in settings.items()],
            cwd=self._directory, stderr=subprocess.DEVNULL, start_new_session=True, **self._identity(),
        )  # fmt: skip
        wait_for(self._answers, "PostgreSQL starts")

    @property
    def pid(self) -> int:
        """The server's first process, while it runs."""
        assert self._process
        return self._process.pid

    def _answers(self) -> bool:
        try:
            return self.execute("postgres", "SELECT 1") == [(1,)]
        except Exception as error:
            raise ConnectionError from error

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop the server: SIGINT tells clients that it ends, with SIGQUIT it is as if it had crashed."""
        if self._process and self._process.poll() is None:
            self.resume()
            self._process.send_signal(how)
            self._process.wait()

    def hang(self) -> None:
        """Suspend every process of the server (SIGSTOP): connections are accepted, and nothing responds."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        self._signal_children(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the server go on after :meth:`hang`."""
        assert self._process
        self._signal_children(signal.SIGCONT)
        self._process.send_signal(signal.SIGCONT)

    def _signal_children(self, number: signal.Signals) -> None:
        assert self._process
        for pid in children(self._process.pid) if self._process.poll() is None else ():
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(pid, number)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._directory)

    def connect(self, name: str) -> Any:
        """Return a connection to the database of that name, which commits each statement."""
        return self._connect(
            host="127.0.0.1", port=self.port, dbname=name, user="tests", password=PASSWORD, autocommit=True
        )

    def execute(self, name: str, statement: str) -> list[tuple[Any, ...]]:
        with closing(self.connect(name)) as connection:
            cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def create(self, template: str = "template0") -> str:
        """Make a database and return its name."""
        self._count += 1
        name = f"tests_{self._count}"
        self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def options(self, name: str) -> dict[str, str]:
        """Return the options of a service that uses the database of that name."""
        return {
            "database_uri": f"postgresql+psycopg://tests@127.0.0.1:{self.port}/{name}",
            "database_password": PASSWORD,
        }

    def users(self, name: str) -> set[str]:
        """Return all whose check-in is in the database of that name."""
        return {row[0] for row in self.execute(name, 'SELECT "user" FROM check_in')}
