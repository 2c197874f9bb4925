"""All rows that a query selects, streamed as CSV or NDJSON.

``export``: the responses. ``delimited``: CSV out of rows; ``objects``: out of objects. ``ndjson``: NDJSON.
``columns``: the conversion of values. ``parts``: the rows, a part at a time.
"""

from debonair.room import Room

ROOM = Room("exports", init_app="debonair.exports.setup:init_app")
