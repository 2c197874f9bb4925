"""Values of JSON as XML, which is written and never parsed."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree  # nosec B405

_PROBLEM_NAMESPACE = "urn:ietf:rfc:7807"


def to_xml(value: Any, root: str) -> bytes:
    """Return a value of JSON as XML: members are elements, items of lists are ``<i>`` (RFC 9457, B)."""
    element = _element(root, value)
    if root == "problem":
        element.set("xmlns", _PROBLEM_NAMESPACE)
    text: bytes = ElementTree.tostring(element, encoding="utf-8", xml_declaration=True)
    return text


def _element(name: str, value: Any) -> ElementTree.Element:
    fit = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    element = ElementTree.Element(fit if re.match(r"[A-Za-z_]", fit) else f"_{fit}")
    if isinstance(value, dict):
        element.extend([_element(str(key), inner) for key, inner in value.items()])
    elif isinstance(value, list):
        element.extend([_element("i", inner) for inner in value])
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        # XML 1.0 cannot represent most control characters (its section 2.2).
        element.text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", str(value))
    return element
