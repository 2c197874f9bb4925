"""Completion for bash and zsh, made from the parser of the commands."""

from __future__ import annotations

import argparse

_BASH = """\
# Completion of {program}. For this shell alone: source <({program} completion bash)
_{function}() {{
    local command word words="{commands}"
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        [[ " $words " == *" $word "* ]] && command=$word && break
    done
    case "${{command-}}" in
{cases}
        *) words="{options} $words" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -o default -F _{function} {program}
"""

# zsh runs bash's functions, but for mapfile.
_ZSH = "#compdef {program}\nautoload -U +X bashcompinit && bashcompinit\n"
_ZSH_REPLY = 'COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))'
_BASH_REPLY = 'mapfile -t COMPREPLY < <(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}")'


def script(shell: str, program: str, parser: argparse.ArgumentParser, groups: dict[str, list[str]]) -> str:
    """Return the script that completes a program's commands and options.

    :param shell: ``bash`` or ``zsh``.
    :param parser: the parser of the program.
    :param groups: the commands within those commands that have such.
    """
    commands: dict[str, list[str]] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            commands = {name: _options(child) for name, child in action.choices.items()}
    cases = [
        f'        {name}) words="{" ".join([*options, *groups.get(name, [])])}" ;;'
        for name, options in commands.items()
    ]
    text = _BASH.format(
        program=program,
        function=program.replace("-", "_").replace(".", "_"),
        commands=" ".join(commands),
        options=" ".join(_options(parser)),
        cases="\n".join(cases),
    )
    if shell == "zsh":
        text = _ZSH.format(program=program) + text.replace(_BASH_REPLY, _ZSH_REPLY)
    return text


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [
        option for action in parser._actions for option in action.option_strings if option.startswith("--")
    ]
