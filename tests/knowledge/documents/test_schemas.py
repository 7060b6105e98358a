"""Descriptions of OpenAPI files, JSON Schemas and custom resources become sentences that name their subject."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from knowledge.documents import IngestResult, read_folder
from tests.knowledge.folder_files import FACT, write

ORDER: dict[str, Any] = {
    "type": "object", "description": "An order of parts that one workshop sends to another.", "required": ["amount"],
    "properties": {
        "amount": {"type": "integer", "description": "Number of parts that are sent in one box.", "default": 40},
        "state": {"type": "string", "description": "Specifies whether the box has left the workshop.",
                  "enum": ["open", "sent"]},
        "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"},
                  "description": "The parts of the box, in the order in which they are packed."},
        "place": {"type": "object", "properties": {
            "shelf": {"type": "string", "description": "Name of the shelf on which the box waits for its driver."}}}}}
API = {
    "openapi": "3.1.0", "info": {"title": "Workshop API", "description": f"## Basics\n\n{FACT}"},
    "paths": {"/orders/{id}": {
        "parameters": [{"$ref": "#/components/parameters/Id"}],
        "get": {"summary": "Read an order", "responses": {"200": {"description": "OK"}},
                "description": "Returns the order with all boxes that have not left the workshop within one day."}}},
    "components": {"schemas": {"Order": ORDER},
                   "parameters": {"Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"},
                                         "description": "Identifier that the workshop gave to the order of parts."}}}}


def texts(found: IngestResult) -> list[str]:
    return [passage.text for passage in found.passages]


def read(folder: Path, name: str, content: Any) -> IngestResult:
    write(folder / name, content if isinstance(content, str) else json.dumps(content))
    return read_folder(folder)


YAML = """\
# a comment
openapi: "3.0.3"
info: {title: Workshop API}
components:
  schemas:
    Order:
      properties:
        amount: &amount
          type: integer
          description: >-
            Number of parts that are sent in one box, which no driver
            may carry alone.
        other: *amount
"""


def test_operations_parameters_and_fields_are_said_in_whole_sentences(tmp_path: Path) -> None:
    found = texts(read(tmp_path, "api.json", API))
    assert found[0] == FACT.replace("`", "")
    said = " ".join(found)
    for sentence in (
            "The operation GET /orders/{id} returns the order with all boxes that have not left the workshop within "
            "one day.",
            "In the operation GET /orders/{id}, id (string, required) is the identifier that the workshop gave to the "
            "order of parts.",
            "An Order is an order of parts that one workshop sends to another.",
            "In an Order, amount (integer, required) is the number of parts that are sent in one box. Its default is "
            "40.",
            "In an Order, state (string, optional) specifies whether the box has left the workshop. Its allowed values "
            "are open and sent.",
            "In an Order, lines (list of Line, optional) is the parts of the box, in the order in which they are "
            "packed.",
            "In an Order.place, shelf (string, optional) is the name of the shelf on which the box waits for its "
            "driver."):
        assert sentence in said


def test_a_passage_has_the_place_of_its_schema(tmp_path: Path) -> None:
    passage = next(one for one in read(tmp_path, "api.json", API).passages if "amount" in one.text)
    assert passage.address == "api.json#/components/schemas/Order" and passage.title == "Workshop API > Order"
    assert passage.questions, "the offline teacher can ask about it"


@pytest.mark.parametrize("name", ["api.yaml", "api.yml"])
def test_yaml_is_read_and_what_an_alias_repeats_is_one_passage(tmp_path: Path, name: str) -> None:
    found = texts(read(tmp_path, name, YAML))
    assert found == ["In an Order, amount (integer, optional) is the number of parts that are sent in one box, which "
                     "no driver may carry alone.",
                     "In an Order, other (integer, optional) is the number of parts that are sent in one box, which no "
                     "driver may carry alone."]


def test_a_json_schema_of_its_own_and_a_custom_resource_are_read(tmp_path: Path) -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Order", **ORDER}
    assert any(text.startswith("An Order is an order") for text in texts(read(tmp_path / "a", "order.json", schema)))
    resource = {"kind": "CustomResourceDefinition", "spec": {"names": {"kind": "Order"}, "versions": [
        {"name": "v1", "schema": {"openAPIV3Schema": ORDER}}]}}
    found = texts(read(tmp_path / "b", "crd.yaml", json.dumps(resource)))
    assert any("In an Order, amount (integer, required)" in text for text in found)


def test_other_data_is_no_document_and_a_broken_schema_is_named(tmp_path: Path) -> None:
    write(tmp_path / "package.json", '{"name": "x", "description": "A package that holds a list of things."}')
    write(tmp_path / "settings.yaml", "description: A setting that holds a list of many things.\n")
    write(tmp_path / "empty.json", "")
    write(tmp_path / "tsconfig.json", '{"$schema": "https://json.schemastore.org/tsconfig"}')
    write(tmp_path / "broken.json", '{"openapi": "3.0.0", ')
    write(tmp_path / "broken.yaml", "openapi: 3.0.0\n  a: [1\n b: }")
    found = read(tmp_path, "page.md", f"# Page\n\n{FACT}\n")
    assert {file.path: file.reason for file in found.skipped} == {"broken.json": "broken JSON",
                                                                  "broken.yaml": "broken YAML"}
    assert [file.path for file in found.files] == ["page.md"]


@pytest.mark.parametrize("text", [
    "openapi: 3.0.0\na: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n"
                                              for n in range(20)),
    "openapi: 3.0.0\ncomponents: {schemas: {Order: &o {description: It is itself., properties: {me: *o}}}}\n",
    "openapi: 3.0.0\nx: " + "[" * 3000 + "]" * 3000 + "\n",
    '{"openapi": "3.0.0", "x": ' + "[" * 9000 + "]" * 9000 + "}",
    "openapi: 3.0.0\nx: !!python/object/apply:os.system ['touch it']\n",
    '{"openapi": "3.0.0", "paths": [1], "components": {"schemas": {"A": {"properties": {"b": {"description": 3}}}}}}'])
def test_a_file_made_to_break_a_reader_breaks_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path / "page.md", f"# Page\n\n{FACT}\n")
    assert texts(read(tmp_path, "api.yaml", text)) == [FACT.replace("`", "")]


def test_a_description_in_another_language_keeps_its_words(tmp_path: Path) -> None:
    said = "Die Anzahl der Teile, die in einer Kiste von einer Werkstatt zu der anderen geschickt werden."
    api = {"openapi": "3.0.0", "components": {"schemas": {"Kiste": {"properties": {
        "anzahl": {"type": "integer", "description": said}}}}}}
    assert texts(read(tmp_path, "api.json", api)) == [f"anzahl (integer, optional): {said}"]
