"""The operations of resources in the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from debonair.changes.columns import is_client_key
from debonair.descriptions.description import Relation, Resource
from debonair.resource_document import parameters as parameters
from debonair.resource_document.schemas import Schemas, camel, reference

_QUERY = (
    "The query is a JSON object whose members are the parameters of a page, and `filter` may be a tree, such "
    'as `{"or": [{"title__like": "A%"}, {"not": {"id__gt": 3}}]}` (RFC 10008).'
)

_CREATED = ("Location", "ETag", "Idempotency-Replayed")

_SUMMARIES = {
    "PATCH": "Change a row by a JSON merge patch (RFC 7396).",
    "PUT": "Replace a row.",
    "DELETE": "Delete a row.",
}

_WORDS = {"PATCH": "update", "PUT": "replace", "DELETE": "delete"}


@dataclass(frozen=True)
class Other:
    """Another media type in which resources are read.

    :param name: the value of the parameter ``format``. :param one: whether single objects have it too.
    """

    name: str
    media_type: str
    one: bool


class Operations:
    """Makes the paths of resources.

    :param schemas: the schemas of the resources.
    :param own: the names of the parameters that the pages of each have.
    :param others: further media types.
    """

    def __init__(self, schemas: Schemas, own: dict[Resource, list[str]], others: tuple[Other, ...]) -> None:
        self._schemas = schemas
        self._nouns = schemas.nouns
        self._others = others
        self._ids: set[str] = set()
        self._selecting, self._shaping, self._filters = {}, {}, {}
        for resource, names in own.items():
            shape = [name for name in names if name.endswith(("Fields", "Include"))]
            self._shaping[resource] = [parameters.reference(name) for name in shape]
            self._selecting[resource] = [parameters.reference(name) for name in names if name not in shape]
            self._filters[resource] = parameters.filters(resource)

    def paths(self, resource: Resource, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the paths of a resource, with their operations."""
        verbs = resource.options.verbs
        many = {}
        if "GET" in verbs:
            many["get"] = self._list(resource, resource, f"list_{_plural(resource)}")
            many["x-query"] = self._query(resource)
        if "POST" in verbs:
            many["post"] = self._create(resource)
        for verb in ("PATCH", "DELETE") if resource.options.bulk else ():
            if verb in verbs:
                many[verb.lower()] = self._bulk(resource, verb)
        if many:
            yield path, many
        if not resource.addressable:
            return
        key = [parameters.path_key(resource)]
        one = {}
        if "GET" in verbs:
            one["get"] = self._get(resource, resource, f"get_{self._singular(resource)}")
        for verb in ("PATCH", "PUT", "DELETE"):
            if verb in verbs:
                one[verb.lower()] = self._change(resource, verb)
        if one:
            yield f"{path}/{{key}}", {"parameters": key} | one
        for relation in resource.relations.values() if "GET" in verbs else ():
            name = quote(relation.name, safe="")
            related = {"get": self._related(resource, relation)}
            if relation.many and relation.writable and "POST" in relation.target.options.verbs:
                related["post"] = self._create_related(resource, relation)
            yield f"{path}/{{key}}/{name}", {"parameters": key} | related
        yield from self._memberships(resource, path)

    def _memberships(self, resource: Resource, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for relation in resource.relations.values() if "PATCH" in resource.options.verbs else ():
            if not (relation.writable and resource.has_memberships(relation.name)):
                continue
            noun, name = self._singular(resource), snake(relation.name) or "relation"
            given = [parameters.reference("MemberMatch"), parameters.reference("NoMember")]
            put = self._operation(
                resource, f"add_{noun}_{name}", f"Add a row to {relation.name} of a row.", given,
                {"204": {"description": "It is among them."}}, (400, 403, 404, 409, 412, 422),
            )  # fmt: skip
            delete = self._operation(
                resource, f"remove_{noun}_{name}", f"Remove a row from {relation.name} of a row.", given,
                {"204": {"description": "It is not among them."}}, (400, 403, 404, 409, 412, 422),
            )  # fmt: skip
            keys = [parameters.path_key(resource), parameters.path_key(relation.target) | {"name": "member"}]
            url = f"{path}/{{key}}/{quote(relation.name, safe='')}/{{member}}"
            yield url, {"parameters": keys, "put": put, "delete": delete}

    def _singular(self, resource: Resource) -> str:
        return snake(self._nouns[resource])

    def _related(self, resource: Resource, relation: Relation) -> dict[str, Any]:
        name = f"{self._singular(resource)}_{snake(relation.name) or 'relation'}"
        if relation.many:
            found = self._list(relation.target, resource, f"list_{name}", f"The {relation.name} of a row.")
        else:
            found = self._get(relation.target, resource, f"get_{name}", f"The {relation.name} of a row.")
        found["responses"]["404"] = _problem(404)
        return found

    def _list(self, resource: Resource, owner: Resource, name: str, summary: str = "") -> dict[str, Any]:
        others = self._others
        answers = {
            "200": _answer(reference(f"{self._nouns[resource]}Page"), ("Link", "ETag"), others),
            "304": {"description": "The client has the current page."},
        }
        common = ["Count", "IfNoneMatch", *(["Format"] if others else [])]
        if resource.pages_by_key:
            common.insert(0, "After")
        given = [
            *self._selecting[resource], *self._shaping[resource], *map(parameters.reference, common),
            *self._filters[resource],
        ]  # fmt: skip
        return self._operation(
            owner, name, summary or f"A page of {resource.name}.", given, answers, (400, 414)
        )

    def _query(self, resource: Resource) -> dict[str, Any]:
        """Return the operation of the method QUERY: OpenAPI has it since 3.2."""
        answers = {
            "200": _answer(reference(f"{self._nouns[resource]}Page"), ("ETag",)),
            "304": {"description": "The client has the current page."},
        }
        name, given = f"query_{_plural(resource)}", [parameters.reference("IfNoneMatch")]
        summary = f"A page of {resource.name}, by a query in the body."
        found = self._operation(resource, name, summary, given, answers, (400, 413, 415, 422))
        found["description"] = _QUERY
        return found | {"requestBody": _body(reference(f"{self._nouns[resource]}Query"))}

    def _get(self, resource: Resource, owner: Resource, name: str, summary: str = "") -> dict[str, Any]:
        others = tuple(other for other in self._others if other.one)
        answers = {
            "200": _answer(reference(self._nouns[resource]), ("ETag",), others),
            "304": {"description": "The client has the current object."},
        }
        common = ["IfNoneMatch", *(["Format"] if others else [])]
        given = [*self._shaping[resource], *map(parameters.reference, common)]
        return self._operation(
            owner, name, summary or f"A row of {resource.name}.", given, answers, (400, 404, 414)
        )

    def _create(self, resource: Resource) -> dict[str, Any]:
        name, summary = f"create_{self._singular(resource)}", f"Create rows of {resource.name}."
        return self._creating(resource, resource, name, summary, self._schemas.body_of(resource, "POST"))

    def _create_related(self, resource: Resource, relation: Relation) -> dict[str, Any]:
        name = f"create_{self._singular(resource)}_{snake(relation.name) or 'relation'}"
        body = self._schemas.within(resource, relation)
        summary = f"Create rows in {relation.name} of a row."
        found = self._creating(relation.target, resource, name, summary, body)
        found["responses"]["404"] = _problem(404)
        return found

    def _creating(
        self, resource: Resource, owner: Resource, name: str, summary: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        answers = {"201": _answer(_or_array(reference(self._nouns[resource])), _CREATED)}
        given = [*self._shaping[resource], parameters.reference("IdempotencyKey")]
        problems = (400, 403, 409, 413, 415, 422)
        found = self._operation(owner, name, summary, given, answers, problems)
        found["description"] = "An array is created in one transaction: all of its objects, or none."
        return found | {"requestBody": _body(_or_array(body))}

    def _change(self, resource: Resource, verb: str) -> dict[str, Any]:
        noun = self._nouns[resource]
        name = f"{_WORDS[verb]}_{self._singular(resource)}"
        problems = [400, 403, 404, 409, 412, *([428] if resource.options.require_if_match else [])]
        given = [self._if_match(resource)]
        if verb == "DELETE":
            answers: dict[str, Any] = {"204": {"description": "It is deleted."}}
            return self._operation(resource, name, _SUMMARIES[verb], given, answers, problems)
        answers = {"200": _answer(reference(noun), ("ETag",))}
        if verb == "PUT" and is_client_key(resource):
            given.append(parameters.reference("IfAbsent"))
            created = {"description": "There was no such row: it is created."}
            answers["201"] = _answer(reference(noun), ("ETag", "Location")) | created
        given += self._shaping[resource]
        found = self._operation(resource, name, _SUMMARIES[verb], given, answers, [*problems, 413, 415, 422])
        return found | {"requestBody": _body(self._schemas.body_of(resource, verb), verb == "PATCH")}

    def _bulk(self, resource: Resource, verb: str) -> dict[str, Any]:
        name = f"{_WORDS[verb]}_many_{_plural(resource)}"
        word = "Change" if verb == "PATCH" else "Delete"
        own = [each for each in self._selecting[resource] if each["$ref"].endswith(("Filter", "Q"))]
        given = [*own, parameters.reference("All"), *self._filters[resource]]
        problems = [400, 403, 409, 414, *([413, 415, 422] if verb == "PATCH" else [])]
        found = self._operation(
            resource, name, f"{word} the rows of {resource.name} that the filters select.", given,
            {"200": _answer(reference("Selected"))}, problems,
        )  # fmt: skip
        if verb == "PATCH":
            found["requestBody"] = _body(self._schemas.body_of(resource, "PATCH", many=True), patch=True)
        return found

    def _if_match(self, resource: Resource) -> dict[str, Any]:
        found: dict[str, Any] = parameters.reference("IfMatch")
        if resource.options.require_if_match:
            found = parameters.COMMON["IfMatch"] | {"required": True}
        return found

    def _operation(
        self, resource: Resource, name: str, summary: str, given: list[dict[str, Any]],
        answers: dict[str, Any], problems: list[int] | tuple[int, ...],
    ) -> dict[str, Any]:  # fmt: skip
        unique, number = name, 1
        while unique in self._ids:
            number += 1
            unique = f"{name}_{number}"
        self._ids.add(unique)
        return {
            "operationId": unique, "tags": [resource.name], "summary": summary, "parameters": given,
            "responses": answers | {str(status): _problem(status) for status in problems},
        }  # fmt: skip


def snake(name: str) -> str:
    """Return a name as words of small letters with underscores: ``order_item`` for ``OrderItem``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", camel(name)).lower()


def _plural(resource: Resource) -> str:
    return snake(resource.name) or "rows"


def _problem(status: int) -> dict[str, Any]:
    return {"$ref": f"#/components/responses/Problem{status}"}


def _answer(
    schema: dict[str, Any], headers: tuple[str, ...] = (), others: tuple[Other, ...] = ()
) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    for other in others:
        content[other.media_type] = {"schema": {"type": "string"}}
    found: dict[str, Any] = {"description": "OK", "content": content}
    if headers:
        found["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return found


def _body(schema: dict[str, Any], patch: bool = False) -> dict[str, Any]:
    types = ("application/merge-patch+json", "application/json") if patch else ("application/json",)
    return {"required": True, "content": {each: {"schema": schema} for each in types}}


def _or_array(schema: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [schema, {"type": "array", "items": schema}]}
