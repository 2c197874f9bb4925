"""The worker as in production: its processes are killed, paused and stopped while it runs jobs."""

from __future__ import annotations

import collections
import os
import random
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from tests.faults.sample import COMMAND, children, wait_for
from tests.jobs.workers import SampleWorker

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason="there is no sample service: make bake")

Work = Callable[..., SampleWorker]

KILLED = int(os.environ.get("JOBS", "600"))
"""How many jobs are run while processes are killed."""


def test_worker_runs_what_is_enqueued_and_reports(work: Work) -> None:
    sample = work()
    sample.work()
    sample.enqueue('effect.enqueue("a")', "fail.enqueue()")
    sample.wait_until(done=1, dead=1)
    assert sample.effects() == ["a"] and sorted(sample.executions()) == ["a", "fail", "fail"]
    assert "example-service-worker runs version" in sample.run("running", "--role", "worker")
    report = sample.run("health", "--role", "worker")
    assert '"status":"ready"' in report and '"jobs":{' in report
    assert sample.command("running").wait() == 1, "nothing serves requests"
    log = sample.log.with_name("service-worker.log")
    assert "The job effect 1 is done." in log.read_text()


def test_metrics_have_attempts_and_the_queue(work: Work) -> None:
    sample = work()
    sample.work()
    sample.enqueue('effect.enqueue("a")', "fail.enqueue()", 'effect.enqueue("b", delay="1h")')
    sample.wait_until(done=1, dead=1, waiting=1)

    def complete() -> bool:
        status, text = sample.ask_worker("/metrics")
        return status == 200 and all(
            line in text
            for line in (
                'jobs_ended_total{ending="done",job="effect"} 1.0',
                'jobs_ended_total{ending="retried",job="fail"} 1.0',
                'jobs_ended_total{ending="dead",job="fail"} 1.0',
                'job_duration_seconds_count{job="fail"} 2.0',
                'jobs_in_queue{job="effect",state="waiting"} 1.0',
                'jobs_in_queue{job="fail",state="dead"} 1.0',
            )
        )

    wait_for(complete, "the metrics have the jobs")


def test_processes_are_killed_again_and_again_and_nothing_is_lost(work: Work) -> None:
    sample = work(jobs_processes=2, jobs_lease="3s")
    lines = [f"for n in range({KILLED}): jobs.effect.enqueue(f'k{{n}}', once=f'k{{n}}')"]
    sample.python("\n".join(["from example_service import jobs", *lines, "db.session.commit()"]))
    choose = random.Random(5)
    for round_ in range(5):
        master = sample.work()
        done = len(sample.effects())
        wait_for(
            lambda done=done: len(sample.effects()) > done or len(sample.effects()) == KILLED, "jobs run"
        )
        if round_ % 2:
            with suppress(ProcessLookupError):
                os.kill(choose.choice(sorted(children(master.pid))), signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(master.pid, signal.SIGKILL)
        master.wait()
    sample.work()
    sample.wait_until(done=KILLED)
    runs = collections.Counter(sample.executions())
    print(f"{KILLED} jobs, 5 kills of all processes: 0 lost, {sum(runs.values()) - KILLED} executed twice")
    assert sorted(sample.effects()) == sorted(f"k{n}" for n in range(KILLED)), "each effect once"
    assert set(runs) == set(sample.effects())


def test_stop_lets_running_jobs_finish(work: Work) -> None:
    sample = work(jobs_threads=50, jobs_stop_timeout="30s")
    go = sample.state / "go"
    sample.enqueue(*[f'wait_for_file.enqueue("{n}", "{go}")' for n in range(60)])
    master = sample.work()
    wait_for(lambda: len(sample.executions()) == 50, "50 jobs run")
    master.send_signal(signal.SIGTERM)
    go.touch()
    assert master.wait(60) == 0
    assert sample.states() == {"done": 50, "queued": 10}
    assert [row[0] for row in sample.query("SELECT failures FROM debonair_job WHERE state = 'queued'")] == [
        0
    ] * 10


def test_jobs_that_do_not_finish_in_time_go_back_to_the_queue(work: Work) -> None:
    sample = work(jobs_threads=50, jobs_stop_timeout="1s")
    go = sample.state / "go"
    sample.enqueue(*[f'wait_for_file.enqueue("{n}", "{go}")' for n in range(50)])
    master = sample.work()
    wait_for(lambda: len(sample.executions()) == 50, "50 jobs run")
    master.send_signal(signal.SIGTERM)
    assert master.wait(60) == 0
    assert sample.states() == {"queued": 50} and sample.effects() == []
    go.touch()
    sample.work()
    sample.wait_until(done=50)
    assert sorted(sample.effects(), key=int) == [str(n) for n in range(50)]


def test_paused_worker_loses_its_jobs_and_changes_nothing_when_it_goes_on(work: Work) -> None:
    sample = work(jobs_lease="3s", jobs_threads=2)
    go = sample.state / "go"
    sample.enqueue(f'wait_for_file.enqueue("a", "{go}")')
    paused = sample.work()
    wait_for(lambda: sample.executions() == ["begin a"], "the job runs")
    [process] = children(paused.pid)
    os.kill(paused.pid, signal.SIGSTOP)
    os.kill(process, signal.SIGSTOP)
    sample.listen_elsewhere()
    sample.work()
    wait_for(lambda: sample.executions() == ["begin a"] * 2, "another worker has taken the job")
    go.touch()
    sample.wait_until(done=1)
    os.kill(process, signal.SIGCONT)
    os.kill(paused.pid, signal.SIGCONT)
    wait_for(lambda: "was taken by another worker" in sample.stderr.read_text(), "the first worker goes on")
    assert sample.effects() == ["a"]


def test_job_that_kills_its_process_is_dead_after_three_times_and_the_others_run(work: Work) -> None:
    sample = work(jobs_threads=4)
    sample.enqueue("kill.enqueue()", *[f'effect.enqueue("{n}")' for n in range(50)])
    sample.work()
    sample.wait_until(done=50, dead=1)
    assert sample.executions().count("kill") == 3
    assert "it has ended its process 3 times" in sample.run("jobs", "list", "--state", "dead")


@pytest.mark.parametrize("name", ["loop", "stuck"])
def test_job_that_takes_too_long_is_stopped(work: Work, name: str) -> None:
    sample = work(jobs_threads=1)
    sample.enqueue(f"{name}.enqueue()", 'effect.enqueue("next")')
    sample.work()
    sample.wait_until(done=1, dead=1)
    assert "the job took longer than 0.3 s" in sample.run("jobs", "list", "--state", "dead")


def test_ticks_are_taken_once_by_three_workers_of_which_one_is_killed(work: Work) -> None:
    source = '\n\n@debonair.job(every="20ms", catch_up=True, keep="1h")\ndef tick() -> None:\n    pass\n'
    sample = work(source=source, jobs_lease="3s")
    masters = [sample.work()]
    for _ in range(2):
        sample.listen_elsewhere()
        masters.append(sample.work())
    count = "SELECT count(*) FROM debonair_job WHERE name = 'tick' AND state = 'done'"
    wait_for(lambda: sample.query(count)[0][0] > 100, "ticks are taken")
    os.killpg(masters[1].pid, signal.SIGKILL)
    wait_for(lambda: sample.query(count)[0][0] > 1000, "ticks are taken after the kill")
    for master in (masters[0], masters[2]):
        master.send_signal(signal.SIGTERM)
        assert master.wait(60) == 0
    ticks = [row[0] for row in sample.query("SELECT due FROM debonair_job WHERE name = 'tick' ORDER BY due")]
    assert ticks == list(range(ticks[0], ticks[-1] + 1, 20)), "none is missing, none is there twice"
    assert sample.query("SELECT count(*) FROM debonair_job WHERE state = 'dead'") == [(0,)]


def test_delayed_job_survives_a_restart_and_can_be_cancelled(work: Work) -> None:
    sample = work()
    sample.enqueue('effect.enqueue("soon", delay="31m")', 'effect.enqueue("later", delay="30d")')
    first = sample.work()
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    assert sample.states() == {"waiting": 2}
    [(number,)] = sample.query("SELECT id FROM debonair_job WHERE arguments LIKE '%later%'")
    assert sample.run("jobs", "cancel", str(number)) == "1 job is cancelled.\n"
    with closing(sqlite3.connect(sample.database)) as connection, connection:
        connection.execute("UPDATE debonair_job SET due = due - 31 * 60 * 1000 WHERE state = 'waiting'")
    sample.work()
    sample.wait_until(done=1, cancelled=1)
    assert sample.effects() == ["soon"]


def test_locked_database_delays_jobs_and_loses_none(work: Work) -> None:
    sample = work(database_timeout="200ms")
    sample.work()
    with closing(sqlite3.connect(sample.database, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO effect (key) VALUES ('theirs')")
        sample.environment["EXAMPLE_SERVICE_DATABASE_TIMEOUT"] = "30s"
        wait_for(lambda: "Jobs cannot be claimed" in sample.stderr.read_text(), "the worker reports it")
        connection.execute("COMMIT")
    sample.enqueue('effect.enqueue("a")')
    sample.wait_until(done=1)
    wait_for(lambda: sample.ask_worker("/health/ready")[0] == 200, "the worker is ready again")


def test_worker_without_jobs_says_what_to_do(work: Work) -> None:
    sample = work()
    (sample.checkout / "src" / "example_service" / "jobs.py").unlink()
    process = sample.command("worker")
    output = process.communicate()[0]
    assert process.returncode == 1
    assert output == ("error: example-service has no jobs: declare them in the module example_service.jobs\n")


def test_worker_needs_a_migrated_database(work: Work) -> None:
    sample = work()
    with closing(sqlite3.connect(sample.database)) as connection, connection:
        connection.execute("DROP TABLE debonair_revision")
    assert sample.command("db", "check").wait() == 1
    process = sample.command("worker")
    assert "run 'db upgrade' first" in process.communicate()[0] and process.returncode == 1


def test_schedule_is_kept_while_nothing_else_happens(work: Work) -> None:
    source = '\n\n@debonair.job(every="500ms", keep="1h")\ndef tick() -> None:\n    pass\n'
    sample = work(source=source, jobs_lease="1h")
    sample.work()
    ticks = "SELECT due, started FROM debonair_job WHERE name = 'tick' AND state = 'done'"
    wait_for(
        lambda: len(sample.query(ticks)) >= 4, "ticks are taken, though the worker has nothing to report"
    )
