"""The completion of the commands in bash and zsh."""

from __future__ import annotations

import subprocess

from tests.chassis.program import Program


def complete(script: str, words: str) -> set[str]:
    """Return what bash offers for the last of the words."""
    program = (
        f"{script}\nCOMP_WORDS=({words} '')\n[[ '{words}' == *' ' ]] || unset 'COMP_WORDS[-1]'\n"
        'COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_orders\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    ran = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_bash_completes_commands_and_options(command: Program) -> None:
    script = command("completion", "bash").stdout
    assert {"runserver", "serve", "db", "greet", "--config", "--version"} <= complete(script, "orders ")
    assert complete(script, "orders run") == {"runserver", "running"}
    assert {"upgrade", "downgrade", "check"} <= complete(script, "orders --set a.b=c db ")
    assert complete(script, "orders db up") == {"upgrade"}
    assert complete(script, "orders greet --s") == {"--shout"}
    assert complete(script, "orders serve --") == {"--check", "--help"}


def test_values_of_an_argument_are_completed(command: Program) -> None:
    script = command("completion", "bash").stdout
    assert complete(script, "orders monitoring a") == {"alerts"}
    assert complete(script, "orders completion ") == {"bash", "zsh", "--help"}


def test_completion_is_for_bash_and_zsh(command: Program) -> None:
    assert "bashcompinit" in command("completion", "zsh").stdout
    assert "'fish' is not one of bash, zsh" in command.refused("completion", "fish", code=2)


def test_completion_needs_no_valid_configuration(command: Program) -> None:
    assert command("completion", "bash", ORDERS_SERVER_PORT="many").returncode == 0
