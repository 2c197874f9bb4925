"""REST resources from models: ``expose``, the routes, and the responses.

``exposing``: models become resources of an application. ``views``: reads over HTTP. ``write_routes``: the
routes of changes, ``write_views``: the changes over HTTP, imported when a resource may be written.
``additions``: what other rooms add to resources.
"""

from debonair.room import Room
from debonair.settings import ResourceSection

ROOM = Room("resources", sections=(ResourceSection,))
