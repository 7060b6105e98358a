"""Parse OpenAPI files, JSON Schemas and Kubernetes custom resources into blocks: their descriptions as sentences.

A description relies on the place where it stands ("Number of items"), so it is worded with its subject, as those of the
Kubernetes API reference are: "In an `Order`, `quantity` (integer, required) is the number of items". Operations keep
their descriptions, which are Markdown, under a heading of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from knowledge.documents.document import Block, NoDocument, Page, Unreadable, tidy
from knowledge.documents.markdown_parser import read_markdown
from knowledge.documents.schema_types import default_and_values, spoken_type
from knowledge.documents.verb_lexicon import base_form
from knowledge.kubernetes.api_sentences import sentences
from knowledge.kubernetes.api_wording import article, continuation
from knowledge.languages import is_another_language

_MARK = re.compile(r"(?m)^\s*[{,]?\s*[\"']?(?:openapi|swagger)[\"']?\s*:\s*[\"']?\d|"
                   r"[\"']?\$schema[\"']?\s*:\s*[\"']?https?://json-schema\.org/|kind[\"']?:\s*[\"']?CustomResource")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DEEPEST = 12
_MOST_BLOCKS = 100_000


def is_schema(text: str) -> bool:
    """Whether a JSON or YAML file says that it is an OpenAPI file, a JSON Schema or a custom resource."""
    return bool(_MARK.search(text))


def read_schema(path: str, text: str) -> Page:
    """Parse the file; the title is the one of its `info`, its own, or that of its kind.

    Raises:
        NoDocument: it does not say that it is one of these.
        Unreadable: neither JSON nor YAML.
    """
    if not is_schema(text):
        raise NoDocument(path)
    title, blocks = "", list[Block]()
    for document in _documents(text, path.endswith(".json")):
        if isinstance(document, Mapping):
            own = _title(document)
            title = title or own
            blocks += [Block(own, 1), *_SchemaReader().blocks(document)] if own else _SchemaReader().blocks(document)
    return Page(path, title, tuple(blocks[:_MOST_BLOCKS]))


def _documents(text: str, is_json: bool) -> list[Any]:
    if not is_json and text.lstrip()[:1] != "{":
        return _yaml_documents(text)
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError) as error:
        raise Unreadable("broken JSON") from error


def _yaml_documents(text: str) -> list[Any]:
    import yaml  # late: only these files need it

    try:
        return list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise Unreadable("broken YAML") from error


def _title(document: Mapping[str, Any]) -> str:
    names = (_at(document, "info").get("title"), _at(document, "spec", "names").get("kind"), document.get("title"))
    return next((tidy(name) for name in names if isinstance(name, str) and name.strip()), "")


class _SchemaReader:
    """Yields the blocks of one document; every schema once, however often it is referred to."""

    def __init__(self) -> None:
        self._seen = set[int]()

    def blocks(self, document: Mapping[str, Any]) -> Iterator[Block]:
        """The document's own description, its operations, then its schemas by name."""
        yield from _prose(_at(document, "info").get("description"))
        for tag in _mappings(document.get("tags")):
            if text := _description(tag):
                yield Block(str(tag.get("name", "")), 2)
                yield from _prose(text)
        for key in ("paths", "webhooks"):
            for path, item in _entries(document.get(key)):
                yield from self._operations(document, key, path, item)
        for place in (("components", "schemas"), ("definitions",), ("$defs",)):
            for name, schema in _entries(_at(document, *place)):
                yield from self._schema(name, schema, "/".join(("", *place, name)))
        spec = _at(document, "spec")
        kind = str(_at(spec, "names").get("kind", ""))
        versions = [_at(version, "schema", "openAPIV3Schema") for version in _mappings(spec.get("versions"))]
        for schema in ([one for one in versions if one] or [_at(spec, "validation", "openAPIV3Schema")])[-1:]:
            yield from self._schema(kind, schema, f"/{kind}")
        if "properties" in document:
            yield from self._schema(_title(document) or "The document", document, "")

    def _operations(self, document: Mapping[str, Any], key: str, path: str,
                    item: Mapping[str, Any]) -> Iterator[Block]:
        for method, operation in _entries(item):
            if method not in _METHODS:
                continue
            called = f"`{method.upper()} {path}`"
            heading = operation.get("summary") or operation.get("operationId") or called
            yield Block(tidy(str(heading)), 2, f"/{key}/{path}/{method}")
            yield from _prose(operation.get("description"), called)
            for given in (*_mappings(item.get("parameters")), *_mappings(operation.get("parameters"))):
                parameter = _resolved(document, given)
                schema = _at(parameter, "schema") or parameter
                yield from _field(f"the operation {called}", str(parameter.get("name", "")), parameter, schema,
                                  bool(parameter.get("required")))

    def _schema(self, name: str, schema: Mapping[str, Any], pointer: str, depth: int = 0) -> Iterator[Block]:
        name = tidy(name.replace("`", ""))
        if id(schema) in self._seen or depth > _DEEPEST or not name:
            return
        self._seen.add(id(schema))
        yield Block(name, 2, pointer)
        found = [] if depth else sentences(_description(schema))
        if found:
            yield Block(tidy(" ".join([_lead(name, found[0]), *found[1:]])))
        parts = [schema, *_mappings(schema.get("allOf"))]
        nested: list[tuple[str, Mapping[str, Any]]] = []
        for part in parts:
            required = part.get("required")
            for field, inner in _entries(part.get("properties")):
                yield from _field(f"{article(name)} `{name}`", field, inner, inner,
                                  isinstance(required, list) and field in required)
                nested += [(field, one) for one in (inner, _at(inner, "items")) if "properties" in one]
        for field, inner in nested:
            yield from self._schema(f"{name}.{field}", inner, f"{pointer}/properties/{field}", depth + 1)


def _field(owner: str, name: str, described: Mapping[str, Any], schema: Mapping[str, Any],
           required: bool) -> Iterator[Block]:
    """A field's or parameter's description as a paragraph that names its owner; nothing without a description.

    Args:
        owner: `an `Order`` or `the operation `GET /orders``.
        name: the field's.
        described: what has the description.
        schema: its type, default and values.
        required: whether it must be given.
    """
    text = _description(described)
    found = sentences(text)
    if not name or not found:
        return
    about = ", ".join(filter(None, (spoken_type(schema), "required" if required else "optional")))
    if is_another_language(text):
        yield Block(tidy(f"`{name}` ({about}): {' '.join(text.split())}"))
    else:
        first = f"In {owner}, `{name}` ({about}){continuation(name, found[0])}"
        yield Block(tidy(" ".join([first, *found[1:], *default_and_values(schema)])))


def _prose(text: object, called: str = "") -> Iterator[Block]:
    """A description in Markdown as blocks below the second level; `called` becomes the subject of a first verb."""
    if not isinstance(text, str):
        return
    for number, block in enumerate(read_markdown("", text).blocks):
        first, _, rest = block.text.partition(" ")
        if called and not number and not block.level and first.istitle() and base_form(first.lower()):
            yield Block(f"The operation {called} {first.lower()} {rest}", item=block.item)
        else:
            yield replace(block, level=min(6, block.level + 2) if block.level else 0)


def _description(schema: Mapping[str, Any]) -> str:
    found = schema.get("description")
    return found if isinstance(found, str) else ""


def _lead(name: str, sentence: str) -> str:
    """The first sentence about a schema, with its name."""
    if sentence.startswith(f"{name} "):
        return sentence
    rest = continuation(name, sentence)
    return f"`{name}`{rest}" if rest.startswith(":") else f"{article(name).capitalize()} `{name}`{rest}"


def _at(found: Any, *keys: str) -> Mapping[str, Any]:
    """The object below some keys; empty where there is none."""
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _entries(found: Any) -> list[tuple[str, Mapping[str, Any]]]:
    return [(str(name), one) for name, one in found.items() if isinstance(one, Mapping)] \
        if isinstance(found, Mapping) else []


def _mappings(found: Any) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _resolved(document: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference within the document stands for."""
    reference = given.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return given
    return _at(document, *(part.replace("~1", "/").replace("~0", "~") for part in reference[2:].split("/")))
