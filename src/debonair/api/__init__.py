"""The REST interface. ``openapi``: blueprints with schemas, and the document that describes them.
``representations``: their results as JSON, XML or YAML.
"""

from debonair.room import Room
from debonair.settings import ApiSection

ROOM = Room("api", sections=(ApiSection,), init_app="debonair.api.setup:init_app", extra="yaml")
