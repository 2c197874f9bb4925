"""REST resources from models: ``expose``, the routes, and the responses.

``exposing``: models become resources of an application. ``views``: reads over HTTP. ``write_views``:
changes over HTTP. ``additions``: what other rooms add to resources.
"""

from debonair.room import Room
from debonair.settings import ResourceSection

ROOM = Room("resources", sections=(ResourceSection,))
