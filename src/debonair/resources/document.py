"""Resources in the OpenAPI document, out of their descriptions.

The document holds what a client may do, and nothing of what is hidden. The method QUERY is described in words
only: OpenAPI 3.1 has no such operation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import quote

from debonair.api.openapi import Part
from debonair.resources import document_parameters, document_values
from debonair.resources.description import Catalog, Resource
from debonair.resources.document_operations import HEADERS, PROBLEMS, Operations, Other
from debonair.resources.document_schemas import Schemas, described, names_of, reference
from debonair.web.problems import MEDIA_TYPE


def describe(
    catalog: Catalog,
    prefix: str | Callable[[Resource], str] = "",
    others: Collection[Other] = (),
    taken: Collection[str] = (),
) -> Part:
    """Return the paths, components and tags of the resources of a catalog.

    :param prefix: what the paths of the resources, or of each of them, begin with.
    :param others: further media types. :param taken: names of schemas that the document has already.
    """
    nouns = names_of(catalog, taken)
    schemas = Schemas(nouns)
    components: dict[str, dict[str, Any]] = {
        "schemas": {}, "parameters": dict(document_parameters.COMMON), "headers": {}, "responses": {},
    }  # fmt: skip
    if others:
        names = [other.name for other in others]
        components["parameters"]["Format"] = document_parameters.format_of(names)
    own = {}
    for resource, noun in nouns.items():
        own[resource] = document_parameters.of_resource(resource, noun)
        components["parameters"].update(own[resource])
        components["schemas"].update(schemas.of(resource))
    components["schemas"] |= schemas.own() | document_values.COMPONENTS
    for name, text in HEADERS.items():
        components["headers"][name] = {"description": text, "schema": {"type": "string"}}
    content = {MEDIA_TYPE: {"schema": reference("Problem")}}
    for status, text in PROBLEMS.items():
        components["responses"][f"Problem{status}"] = {"description": text, "content": content}
    operations = Operations(nouns, {resource: list(each) for resource, each in own.items()}, tuple(others))
    paths: dict[str, Any] = {}
    for resource in nouns:
        start = prefix if isinstance(prefix, str) else prefix(resource)
        paths.update(operations.paths(resource, f"{start}/{quote(resource.name)}"))
    tags = [{"name": each.name, "description": described(each)} for each in nouns]
    return Part(paths, components, tags)
