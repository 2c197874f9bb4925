"""What a client asks for: the text of a query, validated, becomes a tree without HTTP and without SQL.

``query``: the tree. ``parameters``: all parameters. ``filters`` and ``expression``: those of the filter, as
JSON and as text. ``selection``: ``fields`` and ``include``. ``sorting``: ``sort`` and the token of
``after``.
"""
