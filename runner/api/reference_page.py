"""The OpenAPI document as one page that fetches nothing from other hosts."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template

FILE = "reference_page.html.j2"


def reference_page(document: Mapping[str, Any]) -> str:
    """Return the page: every path with its parameters, an example of its body, and its answers."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(document, path, method, operation))
    return _template().render(info=document["info"], openapi=document["openapi"], groups=groups.items())


@functools.cache
def _template() -> Template:
    return Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template(FILE)


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = document["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {})
    example = schema.get("examples", [None])[0]
    return {"id": operation["operationId"], "method": method.upper(), "path": path, "summary": operation["summary"],
            "description": operation.get("description", ""), "statuses": ", ".join(operation["responses"]),
            "example": json.dumps(example, indent=2) if example else "",
            "parameters": [{"name": one["name"], "where": one["in"], "kind": _kind(one["schema"]),
                            "description": one.get("description", "")} for one in operation.get("parameters", ())]}


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = [one.get("type", "") for one in schema.get("anyOf", [schema])]
    return " or ".join(kind for kind in kinds if kind and kind != "null")
