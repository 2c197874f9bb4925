"""Resources in the OpenAPI document.

``document``: the part of all resources. ``operations``: what a client may do. ``parameters`` and
``patterns``: the parameters. ``schemas`` and ``values``: objects and the values of their columns.
"""
