"""Mail, which the worker sends, in the order of time.

``rendering``: ``render_email`` makes a message of templates. ``addresses``: its mailboxes. ``headers``: their
encoded form. ``sending``:
``send_mail`` enqueues the job that delivers it, in the transaction of the data. ``delivery``: that job, which
belongs to every service with jobs. ``smtp``: the connection to the server. ``files``: without a server, in
development, a message is a file. ``setup``: what an application knows of mail.

No module is imported before it is used, but ``setup`` and, in a service with jobs, ``delivery``: they import
no library.
"""

from debonair.room import Room
from debonair.settings import MailSection

ROOM = Room("mail", sections=(MailSection,), init_app="debonair.mail.setup:init_app")
