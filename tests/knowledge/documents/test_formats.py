"""Word files, notebooks, AsciiDoc and UTF-16 without its mark are read like the other kinds."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from knowledge.documents import read_folder
from knowledge.passages import Passage
from tests.knowledge.folder_files import FACT, write

PLAIN = FACT.replace("`", "")
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def only(folder: Path, name: str, content: str | bytes) -> Passage:
    write(folder / name, content)
    (passage,) = read_folder(folder).passages
    return passage


STYLE = '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'


def word_file(body: str) -> bytes:
    """A .docx file as Word writes it, with the parts that hold text."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("word/document.xml", f"<w:document {W}><w:body>{body}</w:body></w:document>")
        file.writestr("word/styles.xml", f"<w:styles {W}>{STYLE}</w:styles>")
    return packed.getvalue()


def paragraph(*runs: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}{''.join(f'<w:r><w:t>{run}</w:t></w:r>' for run in runs)}</w:p>"


def test_a_word_file_is_read_with_its_headings_and_without_tables_and_deleted_text(tmp_path: Path) -> None:
    cell = paragraph("A cell of the table holds a number that is no prose at all.")
    table = f"<w:tbl><w:tr><w:tc>{cell}</w:tc></w:tr></w:tbl>"
    deleted = "<w:del><w:r><w:delText>never </w:delText></w:r></w:del>"
    body = paragraph("Queues", style="berschrift1") + table + paragraph(PLAIN[:30], PLAIN[30:]).replace(
        "</w:r><w:r>", f"</w:r>{deleted}<w:r>")
    passage = only(tmp_path, "guide.docx", word_file(body))
    assert (passage.text, passage.title, passage.address) == (PLAIN, "Queues", "guide.docx#queues")


def test_a_word_file_reads_no_other_file(tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("secret words")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("word/document.xml", f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{outside}">]>'
                      f"<w:document {W}><w:body>{paragraph('&x;')}{paragraph(PLAIN)}</w:body></w:document>")
    assert only(tmp_path / "docs", "guide.docx", packed.getvalue()).text == PLAIN


def test_a_notebook_is_read_without_code_and_output(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": ["# Queues\n", "\n", FACT]},
             {"cell_type": "code", "source": "print('It prints a line of words that is no prose.')", "outputs": []}]
    passage = only(tmp_path, "guide.ipynb", json.dumps({"cells": cells, "nbformat": 4}))
    assert passage.text == PLAIN and passage.title == "Queues"
    old = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})
    assert only(tmp_path / "old", "guide.ipynb", old).text == PLAIN


@pytest.mark.parametrize("around", [
    "----\ncode {x} of the listing stands here and is no prose.\n----\n\n%s",
    "[NOTE]\n====\n%s\n====\n\n|===\n|a |b\n|===\n", "// a comment\ninclude::other.adoc[]\n\nNOTE: %s",
    ":queue: list\n\n[source,sh]\n....\nrun me\n....\n.Title\n%s",
    "  literal text of a block is no prose\n\n%s\n\n'''\n"])
def test_asciidoc_is_read_without_listings_tables_and_marks(tmp_path: Path, around: str) -> None:
    text = PLAIN.replace("one scheduler", "*one* link:https://a.example/b[scheduler]")
    text = text.replace("max-jobs", "`+max-jobs+`")
    passage = only(tmp_path, "guide.adoc", f"= Guide\n\n== Queues\n\n{around % text}\n")
    assert passage.text == PLAIN and passage.title == "Guide > Queues"


def test_attributes_of_asciidoc_are_put_in_and_unknown_ones_cost_the_sentence(tmp_path: Path) -> None:
    text = f"= Guide\n:most: 40\n\n{PLAIN.replace('40', '{most}')} Its name is {{unknown}} in every release of it.\n"
    assert only(tmp_path, "guide.adoc", text).text == PLAIN


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [
    PLAIN, "当启动信号到达以后,控制器会在二十七毫秒之内打开进水阀,并且把当前的水压写入维护日志。"])
def test_utf16_without_its_mark_is_read_and_said(tmp_path: Path, encoding: str, text: str) -> None:
    write(tmp_path / "page.txt", f"{text}\n".encode(encoding))
    found = read_folder(tmp_path)
    assert [passage.text for passage in found.passages] == [text]
    assert [remark.reason for remark in found.remarks] == [f"not UTF-8: read as {encoding}"]
