"""The REST interface.

``openapi``: blueprints with schemas, and the document that describes them. ``representations``: their results
as JSON, XML or YAML. ``xml_writer``: values as XML. ``docs_page``: the page that shows the document.
``email_domain``: the import of marshmallow.
"""

from debonair.room import Command, Room
from debonair.settings import ApiSection

ROOM = Room(
    "api",
    sections=(ApiSection,),
    init_app="debonair.api.setup:init_app",
    commands={"openapi": Command("debonair.api.commands:OpenApi", "Print the OpenAPI document.")},
    extra="yaml",
)
