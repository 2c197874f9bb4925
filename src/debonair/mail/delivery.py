"""The job that delivers a message; what it needs is imported when it runs."""

from __future__ import annotations

import logging

from flask import current_app

from debonair.errors import PermanentError
from debonair.jobs.declaration import job
from debonair.mail.setup import mail_of

_PAUSE = 60.0
"""Seconds until recipients that the server refuses for now are tried again, when it accepts others."""

_log = logging.getLogger("debonair.mail")


# The pauses add up to a day: 2 h until they are 2 h long, then 15 of these; each is shorter by up to a half.
@job(name="debonair.mail.deliver", retries=22, backoff="1m", longest_backoff="2h", timeout="10m")
def deliver(message: str, sender: str, recipients: list[str]) -> None:
    """Deliver a message from an address to others.

    Recipients that the server refuses, when it accepts others, become jobs of their own, which try again or
    report them: so nobody gets the message twice because of them.

    :param message: the message in ASCII.

    :raises PermanentError: when the server has refused the message or all recipients for good.
    :raises OSError: when the server could not be reached, or refused for now; ``smtplib``'s are such.
    """
    mail = mail_of(current_app)
    if mail.collected:
        return
    mail.require_way()
    if not mail.settings.host:
        from debonair.mail.files import write

        write(current_app.instance_path, message, recipients)
        return
    from debonair.mail import smtp

    refusals = smtp.send(mail.settings, message, sender, recipients)
    refused = [address for address in recipients if address in refusals]
    for_good = [address for address in refused if refusals[address].permanent]
    for_now = [address for address in refused if not refusals[address].permanent]
    if len(for_good) == len(recipients) or len(for_now) == len(recipients):
        said = "; ".join(f"{address}: {refusals[address]}" for address in refused[:10])
        error = f"{mail.settings.host} refuses {len(refused)} of {len(refused)} recipients: {said}"
        raise PermanentError(error) if for_good else ConnectionError(error)
    if for_good:
        deliver.enqueue(message, sender, for_good)
    if for_now:
        deliver.enqueue(message, sender, for_now, delay=_PAUSE)
    accepted = len(recipients) - len(refused)
    _log.info("%s has accepted a message for %d recipients.", mail.settings.host, accepted)
