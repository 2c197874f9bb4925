"""The command ``completion``: a script for bash or zsh, made from the parser of the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debonair.manage.loading import LoadedCommand
from debonair.room import Argument

if TYPE_CHECKING:
    from debonair.manage.manager import Manager

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


class Completion:
    """Print the completion for bash or zsh: ``source <(<service> completion bash)``."""

    arguments = (Argument("shell", choices=["bash", "zsh"], help="which shell"),)
    needs_app = False

    def run(self, context: Manager, shell: str) -> None:
        """Print the script."""
        own = context.parser.words
        words = {name: parser.words for name, parser in context.parser.commands.items()}
        for name, command in context.registered.items():
            if isinstance(command, LoadedCommand):
                words[name] += command.names
        print(script(shell, context.service.name, own, words), end="")


def script(shell: str, program: str, options: list[str], commands: dict[str, list[str]]) -> str:
    """Return the script that completes a program's commands and options.

    :param shell: ``bash`` or ``zsh``.
    :param program: the name of the program.
    :param options: the options of the program.
    :param commands: by command, its options and the other words that may follow it.
    """
    text = _BASH.format(
        program=program,
        function=program.replace("-", "_").replace(".", "_"),
        commands=" ".join(commands),
        options=" ".join(options),
        cases="\n".join(f'        {name}) words="{" ".join(words)}" ;;' for name, words in commands.items()),
    )
    if shell == "zsh":
        text = _ZSH.format(program=program) + text.replace(_BASH_REPLY, _ZSH_REPLY)
    return text
