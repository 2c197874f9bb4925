"""What a resource is, out of a mapped class.

``options``: what clients may see and do, checked by ``checks``. ``description``: columns and relations.
``kind`` and ``kinds``: how the values of a column are written and read; ``kinds_of_numbers``,
``kinds_of_text``, ``kinds_of_moments``: the kinds of each type. ``documents``: values of JSON columns.
``own_schema``: a marshmallow schema of the service's own. ``lookup``: rows by their keys. ``faults``: what is
wrong with an object, by its JSON pointer.
"""
