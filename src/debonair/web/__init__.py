"""What every request passes, in the order of the way in.

``stack``: the layer and the hooks, in order. ``layer``: the one WSGI layer around Flask. ``access_log``: a
line for each request. ``metrics``: Prometheus. ``security``: proxies, body limit, response headers.
``conformance``: requests that break HTTP.
``transactions``: the database within a request. ``problems``: every error as ``application/problem+json``.
``health``: whether the process is alive, and ready for requests. ``welcome``: the page at ``/`` in
development.
"""

from debonair.room import Room
from debonair.settings import HealthSection

ROOM = Room(
    "web",
    sections=(HealthSection,),
    init_app="debonair.web.stack:init_app",
    checks={"disk": "debonair.web.health:disk"},
)
