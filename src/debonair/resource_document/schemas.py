"""The schemas of resources in the OpenAPI document: what is read, and what is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Any

from apispec import APISpec
from sqlalchemy.orm import RelationshipDirection

from debonair.api import schemas
from debonair.api.openapi import ProblemSchema
from debonair.changes.columns import given_by, is_client_key, required
from debonair.changes.graph import MOST
from debonair.descriptions.description import Catalog, Relation, Resource
from debonair.resource_document import queries as document_bodies
from debonair.resource_document import values as document_values

SUFFIXES = ("", "Page", "Create", "Put", "Patch", "PatchMany", "Query", "Filter")
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
        self.inner: dict[str, Any] = {}
        self._within: dict[tuple[Resource, frozenset[str]], str] = {}
        # A schema of the service's own is described in a document of its own, and copied from there.
        plugin: Any = schemas.plugin()
        self._own = APISpec("", "", "3.1.0", [plugin])
        plugin.converter.add_attribute_function(schemas.decimal_properties)
        self._resolve = plugin.converter.resolve_nested_schema
        self._resolve(ProblemSchema)

    def of(self, resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the schemas of a resource, with their names."""
        noun, options = self.nouns[resource], resource.options
        yield f"{noun}Page", _page(reference(noun))
        if "GET" in options.verbs:
            yield f"{noun}Query", document_bodies.query(resource, reference(f"{noun}Filter"))
            yield f"{noun}Filter", document_bodies.tree(resource, reference(f"{noun}Filter"))
        if options.schema is not None:
            yield from self._of_service(resource)
            return
        yield noun, self._read(resource)
        if options.verbs & {"POST", "PUT"}:
            yield f"{noun}Create", self._written(resource)
        if "PUT" in options.verbs and is_client_key(resource):
            # The key is in the URL.
            found = self._written(resource)
            found["required"] = [name for name in found.get("required", ()) if name not in resource.key]
            yield f"{noun}Put", found
        if "PATCH" in options.verbs:
            yield f"{noun}Patch", self._written(resource, patch=True)
            if options.bulk:
                yield f"{noun}PatchMany", self._written(resource, patch=True, related=False)

    def body_of(self, resource: Resource, verb: str, many: bool = False) -> dict[str, Any]:
        """Return the reference to the schema of what is sent with a verb."""
        noun = self.nouns[resource]
        if resource.options.schema is not None:
            return reference(f"{noun}Patch" if verb == "PATCH" else f"{noun}Create")
        if verb == "PATCH":
            return reference(f"{noun}PatchMany" if many else f"{noun}Patch")
        return reference(f"{noun}Put" if verb == "PUT" and is_client_key(resource) else f"{noun}Create")

    def within(self, resource: Resource, relation: Relation) -> dict[str, Any]:
        """Return the reference to the schema of a new object in a relation, which sets a part of it."""
        target = relation.target
        absent = given_by(resource, relation.name) & {*target.columns, *target.relations}
        if not absent or target.options.schema is not None:
            return self.body_of(target, "POST")
        name = self._within.get((target, absent))
        if name is None:
            name = f"{self.nouns[target]}In{self.nouns[resource]}{camel(relation.name)}"
            while name in self.inner:
                name += "2"
            self._within[target, absent] = name
            self.inner[name] = {}  # Taken, as its schema may refer to itself.
            self.inner[name] = self._written(target, absent=absent)
        return reference(name)

    def own(self) -> dict[str, Any]:
        """Return the schemas of marshmallow that the others refer to: problems, and those of the service."""
        found: dict[str, Any] = self._own.to_dict().get("components", {}).get("schemas", {})
        return found | self.inner

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

    def _written(
        self, resource: Resource, *, absent: Collection[str] = (), patch: bool = False, related: bool = True
    ) -> dict[str, Any]:
        """Return the schema of what is sent.

        :param absent: names that must not be given. :param patch: whether nothing is required, and the key
            cannot be given. :param related: whether relations can be given.
        """
        absent = {*absent, *(resource.key if patch else ())}
        columns = [each for each in resource.columns.values() if each.writable and each.name not in absent]
        properties = {column.name: document_values.written(column) for column in columns}
        for relation in resource.relations.values() if related else ():
            if relation.writable and relation.name not in absent:
                properties.setdefault(relation.name, self._written_relation(resource, relation))
        found = _object(resource, properties) | {"additionalProperties": False}
        instead = _set_by_relations(resource) if related else {}
        needed = [name for name in required(resource) if name in properties and name not in instead]
        if needed and not patch:
            found["required"] = needed
        for name, relation_name in instead.items() if not patch else ():
            if name in properties and name in required(resource):
                said = properties[name].get("description", "")
                text = f"{said} Needed unless `{relation_name}` is given.".strip()
                properties[name] = properties[name] | {"description": text}
        return found

    def _written_relation(self, resource: Resource, relation: Relation) -> dict[str, Any]:
        target = relation.target
        choices: list[dict[str, Any]] = []
        if target.addressable:
            keys = [document_values.compared(target.column(name)) for name in target.key]
            choices.append(keys[0] if len(keys) == 1 else _row_key(keys))
        if "POST" in target.options.verbs:
            choices.append(self.within(resource, relation))
        if relation.many:
            return {"type": "array", "items": _any(choices), "maxItems": MOST}
        return _any([*choices, {"type": "null"}])


def _row_key(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "array", "items": _any(parts), "minItems": len(parts), "maxItems": len(parts),
        "description": "The key: an array of the values of its columns.",
    }  # fmt: skip


def _set_by_relations(resource: Resource) -> dict[str, str]:
    """Return the relations that may be given in place of a column, by the column."""
    return {
        resource.mapper.get_property_by_column(local).key: name
        for name, relation in resource.relations.items()
        if relation.writable and resource.relationship(name).direction is RelationshipDirection.MANYTOONE
        for _, local in resource.relationship(name).synchronize_pairs
    }


def _any(choices: list[dict[str, Any]]) -> dict[str, Any]:
    different = [each for index, each in enumerate(choices) if each not in choices[:index]]
    return different[0] if len(different) == 1 else {"anyOf": different}


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
                "type": "string", "enum": ["timeout", "estimated"],
                "description": "`timeout`: `num_results` is null, as the count did not end in time. "
                "`estimated`: it is what the database estimates.",
            },
        },
        "required": ["num_results", "objects", "page", "total_pages"],
    }  # fmt: skip
