"""Slides, books and Word files are read whole; what is protected, broken or a bomb is named."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from knowledge.documents import IngestResult, read_folder
from knowledge.documents.file_discovery import MAX_FILE_BYTES, MAX_PACKED_BYTES
from knowledge.documents.zipped_document import MAX_UNPACKED_BYTES
from tests.knowledge.documents.packed_files import book, packed, shape, slides_file
from tests.knowledge.folder_files import FACT, fact, pdf_of, write

PLAIN = FACT.replace("`", "")
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504


def read(folder: Path, **files: bytes | str) -> IngestResult:
    """A folder of files, with `_` for the dot of their names."""
    for name, content in files.items():
        write(folder / name.replace("_", "."), content)
    return read_folder(folder)


def reasons(folder: Path, **files: bytes | str) -> dict[str, str]:
    """Why files beside a readable one are left out."""
    found = read(folder, good_md=f"# Good\n\n{FACT}\n", **files)
    return {file.path: file.reason for file in found.skipped}


def test_slides_are_read_in_the_order_in_which_they_are_shown(tmp_path: Path) -> None:
    first = shape("Queues", "ctrTitle") + shape(f"{PLAIN}\nA short point", "body") + shape("7", "sldNum")
    second = shape("Workers", "title") + shape(fact("worker"))
    found = read(tmp_path, deck_pptx=slides_file([first, second], notes={1: fact("crew")}))
    assert [passage.text for passage in found.passages] == [PLAIN, fact("worker"), fact("crew")]
    assert [passage.title for passage in found.passages] == ["Queues", "Queues > Workers", "Queues > Workers"]
    assert [passage.address for passage in found.passages] == [f"deck.pptx#slide={one}" for one in (1, 2, 2)]


def test_hidden_slides_tables_and_what_every_slide_shows_are_left_out(tmp_path: Path) -> None:
    table = f"<p:graphicFrame><a:tbl><a:tr><a:tc>{shape(fact('cell'))[6:-7]}</a:tc></a:tr></a:tbl></p:graphicFrame>"
    shown = shape("Queues", "title") + shape(PLAIN) + shape(fact("footer"), "ftr") + table
    found = read(tmp_path, deck_pptx=slides_file([shown, shape(fact("secret"))], hidden=1))
    assert [passage.text for passage in found.passages] == [PLAIN]


def test_a_book_is_read_chapter_by_chapter_in_reading_order(tmp_path: Path) -> None:
    chapters = {"text/b%20b.xhtml": f"<html><body><h1 id='q'>Queues</h1><p>{PLAIN}</p></body></html>",
                "text/a.xhtml": f"<html><body><h1>Workers</h1><p>{fact('worker')}</p></body></html>"}
    content = {name.replace("%20", " "): html for name, html in chapters.items()}
    file = book(chapters, {f"OEBPS/{name}": html for name, html in content.items()})
    found = read(tmp_path, manual_epub=file)
    assert [(passage.title, passage.text) for passage in found.passages] == [
        ("Job manual > Queues", PLAIN), ("Job manual > Workers", fact("worker"))]
    assert found.passages[0].address == "manual.epub#q"


def test_what_is_protected_is_named_as_such(tmp_path: Path) -> None:
    cipher = ('<encryption><c:CipherReference xmlns:c="http://www.w3.org/2001/04/xmlenc#" URI="OEBPS/a.xhtml"/>'
              "</encryption>")
    locked = OLE + "EncryptedPackage".encode("utf-16-le") + b"\0" * 64
    found = reasons(tmp_path, locked_docx=locked, locked_pptx=locked, old_docx=OLE, old_pptx=OLE,
                    owned_epub=book({"a.xhtml": f"<p>{PLAIN}</p>"}, {"META-INF/encryption.xml": cipher}))
    assert found == {"locked.docx": "a Word file with a password: save it without one",
                     "locked.pptx": "a PowerPoint file with a password: save it without one",
                     "old.docx": "a Word file of the old format .doc: save it as .docx",
                     "old.pptx": "a PowerPoint file of the old format .ppt: save it as .pptx",
                     "owned.epub": "an EPUB book with digital rights management, which cannot be read"}


@pytest.mark.parametrize(("name", "part"), [("a_docx", "word/document.xml"), ("a_pptx", "ppt/presentation.xml"),
                                            ("a_epub", "META-INF/container.xml")])
def test_a_bomb_is_refused_by_its_declared_size_and_unpacked_no_further(tmp_path: Path, name: str, part: str) -> None:
    size = MAX_UNPACKED_BYTES + 1
    bomb = packed({part: b" " * size})
    assert len(bomb) < size / 500
    assert "with more than 40 MB of text" in reasons(tmp_path, **{name: bomb})[name.replace("_", ".")]
    lie = bomb.replace(struct.pack("<I", size), struct.pack("<I", 100))
    assert lie != bomb and "broken" in reasons(tmp_path, **{name: lie})[name.replace("_", ".")]


@pytest.mark.parametrize("content", [
    f"<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>{''.join(f'<!ENTITY a{n} &quot;{chr(38)}a;&quot;>' for n in range(9))}]>"
    f"<w:document {W}/>", f"<w:document {W}>{'<w:p>' * 5000}{'</w:p>' * 5000}</w:document>", "no XML"])
def test_xml_that_is_made_to_break_a_parser_is_named(tmp_path: Path, content: str) -> None:
    assert "a.docx" in reasons(tmp_path, a_docx=packed({"word/document.xml": content}))


@pytest.mark.parametrize("name", ["a_pptx", "a_epub", "a_docx"])
@pytest.mark.parametrize("content", [b"PK", b"", packed({"other": "part"}), packed({
    "ppt/presentation.xml": '<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main">'
                            "<p:sldId/></p:presentation>", "META-INF/container.xml": "<container/>"})])
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    reason = reasons(tmp_path, **{name: content})[name.replace("_", ".")]
    assert "broken" in reason or reason == "empty"


def test_a_packed_file_may_be_larger_than_text_and_not_than_its_own_limit(tmp_path: Path) -> None:
    file = slides_file([shape("Queues", "title") + shape(PLAIN)])
    write(tmp_path / "deck.pptx", file)
    with zipfile.ZipFile(tmp_path / "deck.pptx", "a") as deck:
        deck.writestr("ppt/media/photo.png", b"\1" * (MAX_FILE_BYTES + 1))
    assert [passage.text for passage in read_folder(tmp_path).passages] == [PLAIN]
    with (tmp_path / "film.pptx").open("wb") as film:
        film.truncate(2 * MAX_PACKED_BYTES)
    assert reasons(tmp_path)["film.pptx"] == "200 MB: larger than the 100 MB that such a document may have"


def test_a_scanned_pdf_is_named_as_one_and_scanned_pages_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, scan_pdf=pdf_of("", image=True, pages=3), part_pdf=pdf_of(PLAIN, image=True, pages=2),
                 blank_pdf=pdf_of(""))
    assert {file.path: file.reason for file in found.skipped} == {
        "scan.pdf": "a scanned PDF: 3 of 3 pages are images without text; add a text layer (OCR) first",
        "blank.pdf": "a PDF without text"}
    assert [remark.reason for remark in found.remarks] == [
        "1 of 2 pages are scanned, images without text, and were not read"]
