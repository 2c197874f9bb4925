"""Faults of the database on PostgreSQL: stopped, hung, read-only, locked, not migrated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.postgresql import PASSWORD, Cluster
from tests.faults.sample import Answer, Sample, Writers, wait_for

pytestmark = pytest.mark.acceptance

OnPostgresql = Callable[..., Sample]


def test_stopped_database_is_unavailable_until_it_is_back(
    on_postgresql: OnPostgresql, cluster: Cluster, database: str
) -> None:
    assert refused_while_away(on_postgresql(), cluster, database, signal.SIGINT) == {503}


def test_crashed_database_is_unavailable_until_it_is_back(
    on_postgresql: OnPostgresql, cluster: Cluster, database: str
) -> None:

    assert refused_while_away(on_postgresql(), cluster, database, signal.SIGQUIT) == {503}


def refused_while_away(
    sample: Sample, cluster: Cluster, database: str, how: signal.Signals
) -> set[int | None]:
    """Stop the server under load, look at the service, start it again, and return what clients got."""
    with Writers(sample).at_work() as writers:
        writers.wait_for_more()
        cluster.stop(how)
        assert sample.becomes_unready("database") == "failed: OperationalError"
        assert sample.alive()
        sample.assert_unavailable(sample.check_in("during"))
        sample.assert_unavailable(sample.last_seen("writer-0-0"))
        cluster.start()
        writers.wait_for_more()
    sample.becomes_ready()
    assert cluster.users(database) >= set(writers.acknowledged)
    assert PASSWORD not in sample.log.read_text() + sample.stderr.read_text()
    return set(writers.refused)


def test_service_starts_without_its_database_and_is_ready_when_it_comes(
    on_postgresql: OnPostgresql, cluster: Cluster, database: str
) -> None:
    cluster.stop()
    sample = on_postgresql(ready=False)
    assert sample.becomes_unready("database") and sample.alive()
    sample.assert_unavailable(sample.check_in("during"))
    cluster.start()
    sample.becomes_ready()
    assert sample.check_in("after").status == 200
    assert cluster.users(database) == {"after"}


def test_hung_database_hangs_no_health_endpoint(
    on_postgresql: OnPostgresql, cluster: Cluster, database: str
) -> None:
    sample = on_postgresql()
    assert sample.check_in("before").status == 200
    cluster.hang()
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(sample.check_in("during")))
    waiting.start()
    assert sample.becomes_unready("database") in ("no result within 1 s", "failed: OperationalError")
    assert sample.alive()
    cluster.resume()
    waiting.join()
    sample.becomes_ready()
    assert sample.check_in("after").status == 200
    assert cluster.users(database) >= {"before", "after"} | {
        answer.json["user"] for answer in answers if answer.status == 200
    }


def test_requests_that_wait_for_a_hung_database_leave_room_for_health(
    on_postgresql: OnPostgresql, cluster: Cluster, database: str
) -> None:
    sample = on_postgresql(server_workers=1, server_threads=2)
    sample.patience = 15
    assert sample.check_in("before").status == 200
    cluster.hang()
    with Writers(sample, clients=6).at_work() as writers:
        assert sample.becomes_unready("database")
        assert sample.alive()
        wait_for(lambda: 503 in writers.refused, "a request that waited is refused")
        cluster.resume()
        writers.wait_for_more()
    sample.becomes_ready()
    assert set(writers.refused) == {503}
    assert cluster.users(database) >= {"before", *writers.acknowledged}


def test_read_only_database_refuses_writes_and_answers_reads(
    on_postgresql: OnPostgresql, cluster: Cluster, database: str
) -> None:
    sample = on_postgresql()
    assert sample.check_in("before").status == 200
    set_read_only(cluster, database, "on")
    answer = wait_for(lambda: refusal(sample), "a write is refused")
    sample.assert_unavailable(answer)
    wait_for(lambda: sample.last_seen("before").status == 200, "reads are answered")
    sample.becomes_ready()
    assert sample.alive()
    set_read_only(cluster, database, "off")
    wait_for(lambda: sample.steadily(lambda: not refusal(sample)), "writes are taken")


def set_read_only(cluster: Cluster, database: str, value: str) -> None:
    """Have all connections to the database write no more, as on a standby; they are made anew."""
    cluster.execute("postgres", f"ALTER DATABASE {database} SET default_transaction_read_only = {value}")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'"
    cluster.execute("postgres", end % database)


def refusal(sample: Sample) -> Answer | None:
    answer = sample.check_in("during")
    return answer if answer.status != 200 else None


def test_locked_table_is_waited_for_and_then_unavailable(
    on_postgresql: OnPostgresql, cluster: Cluster, database: str
) -> None:
    sample = on_postgresql()
    assert sample.check_in("before").status == 200
    with closing(cluster.connect(database)) as other, other.transaction():
        other.execute("LOCK TABLE check_in IN ACCESS EXCLUSIVE MODE")
        sample.assert_unavailable(sample.check_in("during"))
        sample.assert_unavailable(sample.last_seen("before"))
        assert sample.alive() and not sample.down()
    assert sample.check_in("after").status == 200
    assert cluster.users(database) == {"before", "after"}


def test_database_that_loses_its_tables_is_unavailable_on_postgresql(
    on_postgresql: OnPostgresql, cluster: Cluster, database: str
) -> None:
    sample = on_postgresql()
    cluster.execute(database, "DROP TABLE check_in; DELETE FROM alembic_version")
    assert "behind the head revision 0001" in sample.becomes_unready("migrations") and sample.alive()
    sample.assert_unavailable(sample.check_in("during"))
    upgrade = sample.command("db", "upgrade")
    assert "applied 0001" in upgrade.communicate()[0]
    sample.becomes_ready()
    assert sample.check_in("after").status == 200


def test_nul_in_a_path_is_data_on_postgresql(on_postgresql: OnPostgresql) -> None:
    sample = on_postgresql()
    assert sample.check_in("a%00b").status == 422
    answer = sample.last_seen("a%00b")
    assert answer.status in (404, 422) and answer.problem


def test_two_upgrades_at_once_do_no_harm_on_postgresql(
    cluster: Cluster, driver: Path, tmp_path: Path
) -> None:
    database = cluster.create()
    sample = Sample(tmp_path / "sample", libraries=driver, **cluster.options(database))
    assert_one_upgrades(sample)
    assert cluster.execute(database, "SELECT version_num FROM alembic_version") == [("0001",)]


def test_two_upgrades_at_once_do_no_harm_on_sqlite(tmp_path: Path) -> None:
    assert_one_upgrades(Sample(tmp_path / "sample"))


def assert_one_upgrades(sample: Sample) -> None:
    """Assert that of several upgrades at once all succeed, and one applies the revision."""
    upgrades = [sample.command("db", "upgrade") for _ in range(3)]
    outputs = [upgrade.communicate()[0] for upgrade in upgrades]
    assert [upgrade.returncode for upgrade in upgrades] == [0, 0, 0], outputs
    assert sum("applied 0001" in output for output in outputs) == 1, outputs
    check = sample.command("db", "check")
    assert "at the head revision 0001" in check.communicate()[0] and check.returncode == 0
