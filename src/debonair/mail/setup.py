"""Mail within an application: its settings, and the job that delivers it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from debonair.errors import CommandError
from debonair.names import Service
from debonair.settings import MailSection, Settings

EXTENSION = "debonair_mail"
"""The key of an application's :class:`Mail` in its ``extensions``."""


@dataclass(frozen=True)
class Mail:
    """What an application knows of mail.

    :param settings: the section ``[mail]``. :param service: the service.
    :param collected: whether a test looks at the messages: none is delivered.
    """

    settings: MailSection
    service: Service
    collected: bool = False

    def require_way(self) -> None:
        """Check that mail can be delivered.

        :raises CommandError: when it cannot.
        """
        if not self.settings.host and self.service.production and not self.collected:
            raise CommandError(
                "mail cannot be sent: set [mail] host to the SMTP server that accepts the service's mail"
            )


def init_app(app: Flask, settings: Settings, service: Service) -> None:
    """Let a service that has jobs send mail."""
    app.extensions[EXTENSION] = Mail(settings[MailSection], service)
    if service.jobs_module is not None:
        # Declares the job, so that the worker has it.
        import debonair.mail.delivery  # noqa: F401


def mail_of(app: Flask) -> Mail:
    """Return what an application knows of mail."""
    found: Mail = app.extensions[EXTENSION]
    return found
