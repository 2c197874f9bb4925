"""REST resources from models, in the order in which a request passes them.

``description``: what a resource is, out of a mapped class. ``kinds``: the values of its columns. ``views``:
HTTP. ``parameters``, ``expression``, ``filters``, ``selection``, ``sorting``: the text of a query,
validated, becomes the tree of ``query``. ``statement``, ``operators``, ``keyset``, ``wire``: the tree
becomes SQL. ``execution`` and ``counting``: the statement is run. ``rows``: its rows become objects.
``reading``: all of that for one request. ``exposing``: models become resources of an application;
``additions``: what other features add to them.
"""

from debonair.room import Room
from debonair.settings import ResourceSection

ROOM = Room("resources", sections=(ResourceSection,))
