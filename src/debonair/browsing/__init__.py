"""Resources as pages for people: the same URLs as HTML, where a browser asks, or with ``format=html``.

``setup``: adds the representation when there are resources. ``pages``: HTTP. ``addresses``: URLs.
``tables`` and ``cells``: rows become tables. ``filters``, ``facets``, ``paging``: the controls around a
table. ``details``: one row with its related rows. ``index``: the list of the resources. ``failures``: errors.
``rendering``: the templates and the style sheet.
"""

from debonair.room import Room

ROOM = Room("browsing", init_app="debonair.browsing.setup:init_app")
