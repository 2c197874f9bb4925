"""The commands: ``manage.py`` in a checkout, ``/usr/bin/<svc>`` when installed.

``manager``: the manager, its table of commands, and the exit codes. ``loading``: a command of the table,
imported when it is used. ``parser``: the parser of the command line. ``adapter``: the private parts of
Flask-Script-NG. ``bridge``: commands of click. The other modules hold the commands of the manager's table.
"""

from debonair.manage.manager import Manager

__all__ = ["Manager"]
