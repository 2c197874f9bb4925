"""The commands: ``manage.py`` in a checkout, ``/usr/bin/<svc>`` when installed."""

from debonair.manage.manager import Manager

__all__ = ["Manager"]
