"""The commands: ``manage.py`` in a checkout, ``/usr/bin/<svc>`` when installed."""

from __future__ import annotations

from debonair.manage import commands
from debonair.manage.manager import LazyManager

__all__ = ["Manager"]


class Manager(LazyManager):
    """The commands of a service; add your own with ``@manager.command`` or ``add_command``.

    :param package: the service's package. Its module ``application`` has ``create_app(settings)`` and
        the classes of its own sections; it should import models and views within the function, so
        that commands which do not need them do not wait for them.
    :param module: that module, where it has another name.
    """

    def __init__(self, package: str, module: str | None = None) -> None:
        super().__init__(package, module)
        commands.register(self)
