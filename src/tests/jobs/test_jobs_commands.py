"""The commands ``jobs``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from debonair import CommandError, db
from debonair.jobs.commands import group
from tests.jobs.conftest import Orders


def run(service: Orders, *arguments: str) -> Result:
    app: Flask = service.app
    with app.app_context():
        return CliRunner().invoke(group, arguments, obj=ScriptInfo(create_app=lambda: app))


@pytest.fixture
def queue(service: Orders) -> Orders:
    """Four jobs: one done, one dead, one that waits, one queued."""
    with service.app.app_context():
        service.jobs.send_receipt.enqueue(1)
        service.jobs.fail.enqueue(2)
        db.session.commit()
    with service.app.app_context():
        from debonair.jobs.table import JOBS

        db.session.execute(JOBS.update().where(JOBS.c.name == "fail").values(failures=2))
        db.session.commit()
    service.queue.run()
    with service.app.app_context():
        service.jobs.send_receipt.enqueue(3, delay="1h")
        service.jobs.send_receipt.enqueue(4)
        db.session.commit()
    return service


def test_list_shows_the_newest_first(queue: Orders) -> None:
    lines = run(queue, "list").stdout.splitlines()
    assert [line.split()[2] for line in lines[1:]] == ["queued", "waiting", "dead", "done"]
    assert lines[3].endswith("RuntimeError: the printer is away")


def test_list_as_json_is_for_programs(queue: Orders) -> None:
    found = json.loads(run(queue, "list", "--json", "--state", "dead", "--state", "done").stdout)
    assert [(job["state"], job["arguments"]) for job in found] == [
        ("dead", {"order_id": 2}),
        ("done", {"order_id": 1}),
    ]
    assert found[1]["result"] == "receipt 1" and found[1]["finished"].endswith("+00:00")


def test_list_is_bounded(queue: Orders) -> None:
    result = run(queue, "list", "--name", "send_receipt", "--limit", "2")
    assert len(result.stdout.splitlines()) == 3 and "there may be more: see --limit" in result.stderr


def test_show_has_the_whole_error(queue: Orders) -> None:
    shown = run(queue, "show", "2").stdout
    assert "state:       dead" in shown and "Traceback" in shown and 'arguments:   {"order_id": 2}' in shown


@pytest.mark.parametrize(
    ("arguments", "done", "states"),
    [
        (["retry", "2"], "1 job is queued.", ["done", "queued", "waiting", "queued"]),
        (["retry", "3"], "1 job is queued.", ["done", "dead", "queued", "queued"]),
        (["retry", "--name", "send_receipt"], "0 jobs are queued.", ["done", "dead", "waiting", "queued"]),
        (["retry", "--all"], "1 job is queued.", ["done", "queued", "waiting", "queued"]),
        (["cancel", "3", "4"], "2 jobs are cancelled.", ["done", "dead", "cancelled", "cancelled"]),
        (["cancel", "--all"], "2 jobs are cancelled.", ["done", "dead", "cancelled", "cancelled"]),
        (["purge", "--all", "--state", "dead"], "1 job is deleted.", ["done", "waiting", "queued"]),
        (["purge", "--all"], "2 jobs are deleted.", ["waiting", "queued"]),
        (["purge", "--name", "nobody"], "0 jobs are deleted.", ["done", "dead", "waiting", "queued"]),
    ],
)
def test_jobs_are_retried_cancelled_and_purged(
    queue: Orders, arguments: list[str], done: str, states: list[str]
) -> None:
    result = run(queue, *arguments)
    assert result.stdout == f"{done}\n", result.output
    assert [row["state"] for row in queue.rows()] == states


def test_retried_job_runs_again_with_all_its_retries(queue: Orders) -> None:
    run(queue, "retry", "2")
    assert ("fail", "waiting") in queue.queue.run()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cancel", "1"], "cannot cancel the job 1: it is done, and not waiting or queued or published"),
        (["retry", "3", "99"], "cannot retry the job 99: there is none; nothing was changed"),
        (["purge", "2", "4"], "cannot purge the job 4: it is queued"),
        (["purge"], "name the jobs to purge: their numbers, --name or --all"),
        (["retry", "1", "--all"], "name the jobs to retry: their numbers, --name or --all"),
        (["show", "99"], "there is no job 99"),
    ],
)
def test_mistake_is_told_in_one_line_and_changes_nothing(
    queue: Orders, arguments: list[str], message: str
) -> None:
    before = queue.rows()
    result = run(queue, *arguments)
    assert isinstance(result.exception, CommandError)
    assert message in str(result.exception) and "\n" not in str(result.exception)
    assert queue.rows() == before


def test_key_of_a_cancelled_job_is_free(service: Orders) -> None:
    with service.app.app_context():
        first = service.jobs.send_receipt.enqueue(1, once="receipt-1")
        db.session.commit()
    run(service, "cancel", str(first.id))
    with service.app.app_context():
        assert service.jobs.send_receipt.enqueue(1, once="receipt-1").new


def test_terminal_shows_what_others_have_sent_and_obeys_none_of_it(service: Orders) -> None:
    with service.app.app_context():
        service.jobs.send_receipt.enqueue(1, once="\x1b[2J")
        db.session.commit()
    shown = run(service, "show", "1").stdout
    assert "\x1b" not in shown and "once:        \ufffd[2J" in shown
