"""What the OpenAPI document says of the path that a request asks for: its parameters, their ranges, its body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import Request


def query_parameters(request: Request) -> dict[str, dict[str, Any]]:
    """Return the query parameters of the path with their schemas."""
    return {name: schema for place, name, schema in _parameters(request) if place == "query"}


def takes_body(request: Request) -> bool:
    """Return whether the path has a use for a body."""
    return "requestBody" in _operation(request)


def range_of(request: Request, place: Sequence[str | int]) -> tuple[float, float] | None:
    """Return the smallest and the largest value of a whole number; None where the document has no such range.

    Args:
        request: what was asked.
        place: where the number stands, such as ("query", "limit") or ("body", "priority").
    """
    if len(place) != 2:
        return None
    schemas = [schema for kind, name, schema in [*_parameters(request), *_body_fields(request)]
               if (kind, name) == tuple(place)]
    for schema in (one for found in schemas for one in (found, *found.get("anyOf", ()))):
        if "minimum" in schema and "maximum" in schema:
            return schema["minimum"], schema["maximum"]
    return None


def _operation(request: Request) -> dict[str, Any]:
    path = getattr(request.scope.get("route"), "path_format", "")
    found: dict[str, Any] = request.app.openapi()["paths"].get(path, {}).get(request.method.lower(), {})
    return found


def _parameters(request: Request) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for one in _operation(request).get("parameters", ()):
        yield one["in"], one["name"], one["schema"]


def _body_fields(request: Request) -> Iterator[tuple[str, str, dict[str, Any]]]:
    body = _operation(request).get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = request.app.openapi()["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {})
    for name, field in schema.get("properties", {}).items():
        yield "body", name, field
