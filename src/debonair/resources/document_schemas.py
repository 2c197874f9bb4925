"""The schemas of resources in the OpenAPI document: what is read, and what is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Any

from apispec import APISpec

from debonair.api import schemas
from debonair.api.openapi import ProblemSchema
from debonair.resources import document_values
from debonair.resources.description import Catalog, Relation, Resource

SUFFIXES = ("", "Page", "Create", "Patch")
_RESERVED = ("Problem", "ProblemError", *document_values.COMPONENTS)


def names_of(catalog: Catalog, taken: Collection[str] = ()) -> dict[Resource, str]:
    """Return the name of the schema of each resource: that of its class, or one like it that is free.

    :param taken: names of schemas that have another meaning. Names that differ in case only are not used.
    """
    used = {name.lower() for name in (*taken, *_RESERVED)}
    found = {}
    for resource in catalog.resources.values():
        plain = noun = camel(resource.model.__name__) or camel(resource.name) or "Resource"
        number = 1
        while any((noun + suffix).lower() in used for suffix in SUFFIXES):
            number += 1
            noun = f"{plain}{number}"
        used.update((noun + suffix).lower() for suffix in SUFFIXES)
        found[resource] = noun
    return found


def camel(name: str) -> str:
    """Return a name of letters and digits, that begins with a capital; empty when nothing is left."""
    parts = re.findall("[A-Za-z0-9]+", unicodedata.normalize("NFKD", name))
    found = "".join(part[0].upper() + part[1:] for part in parts)
    return f"Resource{found}" if found[:1].isdigit() else found


def reference(name: str) -> dict[str, Any]:
    """Return the reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


class Schemas:
    """Makes the schemas of resources.

    :param nouns: the name of the schema of each resource.
    """

    def __init__(self, nouns: dict[Resource, str]) -> None:
        self.nouns = nouns
        # A schema of the service's own is described in a document of its own, and copied from there.
        plugin: Any = schemas.plugin()
        self._own = APISpec("", "", "3.1.0", [plugin])
        plugin.converter.add_attribute_function(schemas.decimal_properties)
        self._resolve = plugin.converter.resolve_nested_schema
        self._resolve(ProblemSchema)

    def of(self, resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the schemas of a resource, with their names."""
        noun, verbs = self.nouns[resource], resource.options.verbs
        if "GET" in verbs:
            yield f"{noun}Page", _page(reference(noun))
        if resource.options.schema is not None:
            yield from self._of_service(resource)
            return
        yield noun, self._read(resource)
        if verbs & {"POST", "PUT"}:
            yield f"{noun}Create", self._written(resource, whole=True)
        if "PATCH" in verbs:
            yield f"{noun}Patch", self._written(resource, whole=False)

    def own(self) -> dict[str, Any]:
        """Return the schemas of marshmallow that the others refer to: problems, and those of the service."""
        found: dict[str, Any] = self._own.to_dict().get("components", {}).get("schemas", {})
        return found

    def _of_service(self, resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
        noun, schema = self.nouns[resource], resource.options.schema
        cls = schema if isinstance(schema, type) else type(schema)
        whole = self._resolve(schema)
        for suffix in ("", "Create"):
            if whole != reference(noun + suffix):
                yield noun + suffix, {"allOf": [whole]}
        yield f"{noun}Patch", {"allOf": [self._resolve(cls(partial=True))]}

    def _read(self, resource: Resource) -> dict[str, Any]:
        properties = {column.name: document_values.read(column) for column in resource.columns.values()}
        for relation in resource.relations.values():
            target = reference(self.nouns[relation.target])
            if relation.many:
                properties[relation.name] = {"type": "array", "items": target}
            else:
                properties[relation.name] = {"oneOf": [target, {"type": "null"}]}
        return _object(resource, properties)

    def _written(self, resource: Resource, whole: bool) -> dict[str, Any]:
        columns = [column for column in resource.columns.values() if column.writable]
        properties = {column.name: document_values.written(column) for column in columns}
        for relation in resource.relations.values():
            if relation.writable:
                properties.setdefault(relation.name, self._written_relation(relation))
        found = _object(resource, properties) | {"additionalProperties": False}
        required = [column.name for column in columns if column.required]
        if whole and required:
            found["required"] = required
        return found

    def _written_relation(self, relation: Relation) -> dict[str, Any]:
        target = relation.target
        choices: list[dict[str, Any]] = []
        if target.addressable:
            simple = len(target.key) == 1
            key = target.column(target.key[0])
            choices.append(document_values.compared(key) if simple else {"type": "string"})
        if "POST" in target.options.verbs and target.options.schema is None:
            choices.append(reference(f"{self.nouns[target]}Create"))
        if relation.many:
            return {"type": "array", "items": _any(choices)}
        return _any([*choices, {"type": "null"}])


def _any(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _object(resource: Resource, properties: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if text := described(resource):
        found["description"] = text
    return found


def described(resource: Resource) -> str:
    """Return what the database and the author say of a resource: the comment of the table, the docstring."""
    comment = getattr(resource.mapper.local_table, "comment", None) or ""
    docstring = resource.model.__dict__.get("__doc__") or ""
    lines = docstring.expandtabs().strip().splitlines()
    docstring = "\n".join(line.strip() for line in lines)
    return "\n\n".join(dict.fromkeys(filter(None, (comment.strip(), docstring))))


def _page(item: dict[str, Any]) -> dict[str, Any]:
    def number(description: str) -> dict[str, Any]:
        return {"type": ["integer", "null"], "description": description}

    return {
        "type": "object",
        "properties": {
            "num_results": number("The rows that the filters select; null when they are not counted."),
            "objects": {"type": "array", "items": item},
            "page": number("The page, from 1; null with keyset paging."),
            "total_pages": number("Null when the rows are not counted."),
            "after": {
                "type": ["string", "null"],
                "description": "With keyset paging: what `after` of the next page is; null at the end.",
            },
            "count": {
                "type": "string", "enum": ["timeout"],
                "description": "Why `num_results` is null: the count did not end in time.",
            },
        },
        "required": ["num_results", "objects", "page", "total_pages"],
    }  # fmt: skip
