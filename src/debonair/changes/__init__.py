"""Changes of resources: JSON becomes objects of the ORM, in one transaction.

``bodies``: the JSON of a request. ``graph``: an object with its related objects, validated; ``columns`` and
``construction`` are parts of it. ``writing``: the transaction and the hooks. ``insertion``: a new row
without the ORM. ``bulk``: all rows of a filter. ``preconditions``: ``If-Match``. ``idempotency``:
``Idempotency-Key``. ``violations``: what the database refuses.
"""
