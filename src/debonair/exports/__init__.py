"""All rows that a query selects, streamed as CSV or NDJSON. ``export``: the responses. ``delimited``: CSV.
``objects``: NDJSON. ``columns``: the conversion of values."""

from debonair.room import Room

ROOM = Room("exports", init_app="debonair.exports.setup:init_app")
