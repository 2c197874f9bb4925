"""A query becomes one SQL statement, and its rows become objects.

``statement``: the tree becomes SQL; ``operators``, ``keyset`` and ``search`` are parts of it. ``wire``:
embedded rows as JSON, exactly. ``execution``: statements that are compiled once. ``counting``: the number
of rows. ``rows``: rows become objects; ``dumping``: those of a service's own schema. ``json_pages``:
pages whose JSON SQLite writes. ``plans``: how a page is read. ``reading``: all of that for one page or
object.
"""
