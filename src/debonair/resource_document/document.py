"""Resources in the OpenAPI document, out of their descriptions.

The document holds what a client may do, and nothing of what is hidden. The operation of the method QUERY is
the member ``x-query`` of a path: OpenAPI has ``query`` since 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import quote

from debonair.api.openapi import Part
from debonair.descriptions.description import Catalog, Resource
from debonair.resource_document import parameters as document_parameters
from debonair.resource_document import values as document_values
from debonair.resource_document.operations import Operations, Other
from debonair.resource_document.schemas import Schemas, described, names_of, reference
from debonair.web.problems import MEDIA_TYPE

_PROBLEMS = {
    400: "A parameter or the body is faulty: `errors` names each.",
    403: "The row filter of the resource does not allow this row.",
    404: "There is no such row.",
    409: "The state of the database does not allow it, such as a value that is taken.",
    412: "The entity tag in If-Match is not current.",
    413: "The body is too large.",
    414: "The query string is longer than the server takes. The method QUERY has it in the body.",
    415: "The body is not declared to be JSON.",
    422: "A member of the body is invalid: `errors` has a JSON pointer to each.",
    428: "If-Match is missing.",
}

_HEADERS = {
    "ETag": "The entity tag of the body.",
    "Link": "The first, previous, next and last page (RFC 8288).",
    "Location": "The URL of the new row; an array has none.",
    "Idempotency-Replayed": "`true`: this is the response to an earlier request with the key.",
}


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
    for name, text in _HEADERS.items():
        components["headers"][name] = {"description": text, "schema": {"type": "string"}}
    content: dict[str, Any] = {MEDIA_TYPE: {"schema": reference("Problem")}}
    for other in others:
        if other.media_type == "text/html":  # A problem is a page too, for a client that reads pages.
            content[other.media_type] = {"schema": {"type": "string"}}
    for status, text in _PROBLEMS.items():
        components["responses"][f"Problem{status}"] = {"description": text, "content": content}
    operations = Operations(schemas, {resource: list(each) for resource, each in own.items()}, tuple(others))
    paths: dict[str, Any] = {}
    for resource in nouns:
        start = prefix if isinstance(prefix, str) else prefix(resource)
        paths.update(operations.paths(resource, f"{start}/{quote(resource.name)}"))
    components["schemas"] |= schemas.own() | document_values.COMPONENTS
    tags = [{"name": each.name, "description": described(each)} for each in nouns]
    return Part(paths, components, tags)
