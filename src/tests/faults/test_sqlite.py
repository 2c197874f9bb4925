"""Faults of the database on SQLite: locked, corrupt, not migrated, read-only, and a disk that is full."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.sample import Answer, Sample, Serve, Writers, wait_for

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def mounted(directory: Path, *options: str) -> None:
    subprocess.run(["mount", *options, directory], check=True)


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a file system")


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """Mount a file system of that size, without what a server has under /run, which is another one."""
    run = directory.parent / "run"
    run.mkdir()
    directory.mkdir(exist_ok=True)
    ran = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=False)
    if ran.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        (directory / "run").symlink_to(run)
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


def test_locked_sqlite_is_waited_for_and_then_unavailable(serve: Serve) -> None:
    sample = serve()
    assert sample.check_in("before").status == 200
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, sample.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout and other.stdin and other.stdout.readline() == b"locked\n"
        answer = sample.check_in("during")
        sample.assert_unavailable(answer)
        assert sample.last_seen("before").status == 200
        assert sample.alive() and not sample.down()
        other.stdin.close()
    sample.becomes_ready()
    assert sample.check_in("after").status == 200
    assert sample.users() == {"before", "after"}


def test_corrupt_sqlite_is_unavailable_until_it_is_restored(serve: Serve) -> None:
    sample = serve()
    assert sample.check_in("before").status == 200
    with closing(sqlite3.connect(sample.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    good = sample.database.read_bytes()
    with sample.database.open("r+b") as file:
        file.write(os.urandom(len(good)))
    assert sample.becomes_unready("migrations") and sample.alive()
    answer = sample.last_seen("before")
    sample.assert_unavailable(answer)
    with sample.database.open("r+b") as file:
        file.write(good)
    sample.becomes_ready()
    assert sample.last_seen("before").status == 200
    assert sample.check_in("after").status == 200


def test_database_that_is_not_migrated_is_not_served(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "empty")
    serving = sample.command("serve")
    output = serving.communicate()[0]
    assert serving.returncode == 1 and "Traceback" not in output
    assert "the database is at no revision, behind the head revision 0001: run 'db upgrade' first" in output


@pytest.mark.acceptance
def test_database_that_loses_its_tables_is_unavailable(serve: Serve) -> None:
    sample = serve()
    with closing(sqlite3.connect(sample.database)) as connection:
        connection.executescript("DROP TABLE check_in; DELETE FROM alembic_version;")
    assert "behind the head revision 0001" in sample.becomes_unready("migrations") and sample.alive()
    sample.assert_unavailable(sample.check_in("during"))
    upgrade = sample.command("db", "upgrade")
    assert "applied 0001" in upgrade.communicate()[0]
    sample.becomes_ready()
    assert sample.check_in("after").status == 200


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.acceptance
@needs_root
def test_full_disk_refuses_writes_and_loses_none(tmp_path: Path, migrated: Path) -> None:
    directory = tmp_path / "sample"
    sample = Sample(directory, health_disk_free="1MiB")
    with small_disk(sample.state, "4M"):
        shutil.copy(migrated, sample.database)
        try:
            sample.start()
            with Writers(sample).at_work() as writers:
                writers.wait_for_more()
                filler = sample.state / "filler"
                fill(filler)
                wait_for(lambda: 503 in writers.refused, "a write is refused")
                assert "0 MiB are free, less than 1MiB" in sample.becomes_unready("disk")
                assert sample.alive()
                assert sample.last_seen(writers.acknowledged[0]).status == 200
                sample.assert_unavailable(wait_for(lambda: refusal(sample), "a write is refused"))
                filler.unlink()
                writers.wait_for_more()
            sample.becomes_ready()
            assert set(writers.refused) == {503}
            assert sample.users() >= set(writers.acknowledged)
        finally:
            sample.stop()


def refusal(sample: Sample) -> Answer | None:
    answer = sample.check_in("during")
    return answer if answer.status != 200 else None


@pytest.mark.acceptance
@needs_root
def test_read_only_file_system_refuses_and_recovers(tmp_path: Path, migrated: Path) -> None:
    sample = Sample(tmp_path / "sample")
    with small_disk(sample.state, "4M"):
        shutil.copy(migrated, sample.database)
        mounted(sample.state, "-o", "remount,ro")
        try:
            sample.start(ready=False)
            assert sample.becomes_unready("database") == "failed: OperationalError" and sample.alive()
            sample.assert_unavailable(sample.check_in("during"))
            mounted(sample.state, "-o", "remount,rw")
            sample.becomes_ready()
            assert sample.check_in("after").status == 200
            assert sample.users() == {"after"}
        finally:
            sample.stop()
