"""Mail in development: a message is a file that a mail program opens, and lines in the log."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from email import message_from_string
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

_log = logging.getLogger("debonair.mail")

_LONGEST_SHOWN = 2000


def write(instance: str, message: str, recipients: Sequence[str]) -> Path:
    """Write a message to ``mail`` in the state directory, and its text to the log; return the file.

    The same message is always the same file: its date and a digest of its ``Message-ID`` are the name.

    :param instance: the state directory. :param recipients: whom it would be sent to.
    """
    parsed = message_from_string(message, policy=default)
    date = parsedate_to_datetime(str(parsed["Date"]))
    digest = hashlib.blake2b(str(parsed["Message-ID"]).encode(), digest_size=4).hexdigest()
    path = Path(instance, "mail", f"{date:%Y%m%d-%H%M%S}-{digest}.eml")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(message.encode("ascii"))
    draft.replace(path)
    body = parsed.get_body(("plain", "html"))
    text = str(body.get_content()).replace("\r\n", "\n") if body is not None else ""
    _log.info("No [mail] host: mail to %s is in %s\nSubject: %s\n\n%s",
              ", ".join(recipients), path, parsed["Subject"], text[:_LONGEST_SHOWN].rstrip())  # fmt: skip
    return path
