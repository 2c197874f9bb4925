"""The group ``jobs``: its names and help stand here; ``inspection`` is imported when a command runs."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from debonair.errors import CommandError

_STATES = ("waiting", "queued", "published", "running", "done", "dead", "cancelled")

group = click.Group("jobs", help="List, show, run, retry, cancel and purge jobs.")
"""The group ``jobs``."""

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@group.command("list")
@click.option(
    "--state", type=click.Choice(_STATES), multiple=True, help="Only jobs in this state; repeatable."
)
@click.option("--name", help="Only jobs of this name.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many.")
@_as_json
def list_(state: tuple[str, ...], name: str | None, limit: int, as_json: bool) -> None:
    """List jobs, the newest first."""
    from debonair.jobs import inspection

    rows = inspection.find(state, name, limit)
    if as_json:
        click.echo(json.dumps([inspection.as_dictionary(row) for row in rows], indent=2))
        return
    for line in inspection.lines(rows):
        click.echo(inspection.printable(line))
    print(f"{len(rows)} jobs{', and there may be more: see --limit' if len(rows) == limit else ''}",
          file=sys.stderr)  # fmt: skip


@group.command("show")
@click.argument("number", type=int)
@_as_json
def show(number: int, as_json: bool) -> None:
    """Show one job: its arguments, times, result and error."""
    from debonair.jobs import inspection

    found = inspection.as_dictionary(inspection.get(number))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for key, value in found.items():
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            text = inspection.printable(text.rstrip()).replace("\n", "\n" + " " * 13)
            click.echo(f"{key + ':':<13}{text}")


def _selection(command: Any) -> Any:
    """Add what selects the jobs of ``retry``, ``cancel`` and ``purge``."""
    command = click.option("--name", help="All jobs of this name.")(command)
    command = click.option("--all", "every", is_flag=True, help="All jobs.")(command)
    return click.argument("numbers", type=int, nargs=-1)(command)


@group.command("run")
def run() -> None:
    """Run the jobs that are due in this process, one after the other, and end."""
    from flask import current_app

    from debonair.jobs.inline import run_due

    states = [state for _, state in run_due(current_app)]
    failed = sum(state != "done" for state in states)
    click.echo(f"{len(states)} run, {failed} of them failed.")
    raise SystemExit(1 if failed else 0)


@group.command("retry")
@_selection
def retry(numbers: tuple[int, ...], name: str | None, every: bool) -> None:
    """Queue dead jobs again; of those that are named by number, also cancelled and waiting ones."""
    _change("retry", numbers, name, every, "queued")


@group.command("cancel")
@_selection
def cancel(numbers: tuple[int, ...], name: str | None, every: bool) -> None:
    """Cancel jobs that have not begun."""
    _change("cancel", numbers, name, every, "cancelled")


@group.command("purge")
@_selection
@click.option("--state", type=click.Choice(("done", "dead", "cancelled")), multiple=True,
              help="Only jobs in this state; repeatable.")  # fmt: skip
def purge(numbers: tuple[int, ...], name: str | None, every: bool, state: tuple[str, ...]) -> None:
    """Delete jobs that have ended."""
    _change("purge", numbers, name, every, "deleted", state)


def _change(
    change: str,
    numbers: tuple[int, ...],
    name: str | None,
    every: bool,
    done: str,
    states: tuple[str, ...] = (),
) -> None:
    from debonair.jobs import inspection

    if sum(map(bool, (numbers, name, every))) != 1:
        raise CommandError(f"name the jobs to {change}: their numbers, --name or --all")
    count = inspection.change(change, numbers, name, states)
    click.echo(f"{count} {'job is' if count == 1 else 'jobs are'} {done}.")
