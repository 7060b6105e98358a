"""Slides and books made in memory, with the parts that hold text."""

from __future__ import annotations

import io
import zipfile

_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def packed(parts: dict[str, str | bytes]) -> bytes:
    """A zip archive of named parts."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return written.getvalue()


def shape(text: str, placeholder: str = "") -> str:
    """A shape of a slide with one paragraph a line."""
    kind = f'<p:nvSpPr><p:nvPr><p:ph type="{placeholder}"/></p:nvPr></p:nvSpPr>' if placeholder else ""
    lines = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f"<p:sp>{kind}<p:txBody>{lines}</p:txBody></p:sp>"


def slides_file(slides: list[str], notes: dict[int, str] | None = None, hidden: int | None = None) -> bytes:
    """A .pptx file; its slides are stored in another order than they are shown in.

    Args:
        slides: the shapes of each slide, as XML.
        notes: text of the speaker's notes by index of the slide.
        hidden: index of a slide that is not shown.
    """
    numbers = [len(slides) - index for index in range(len(slides))]
    parts: dict[str, str | bytes] = {
        "ppt/presentation.xml": f"<p:presentation {_P} {_R}><p:sldIdLst>" + "".join(
            f'<p:sldId r:id="r{number}"/>' for number in numbers) + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": _relations({f"r{number}": ("slide", f"slides/slide{number}.xml")
                                                       for number in numbers})}
    for index, (number, shapes) in enumerate(zip(numbers, slides, strict=True)):
        show = ' show="0"' if index == hidden else ""
        parts[f"ppt/slides/slide{number}.xml"] = f"<p:sld {_P} {_A}{show}><p:cSld><p:spTree>{shapes}" \
            "</p:spTree></p:cSld></p:sld>"
        if notes and index in notes:
            parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = _relations(
                {"n": ("notesSlide", f"../notesSlides/notes{number}.xml")})
            parts[f"ppt/notesSlides/notes{number}.xml"] = f"<p:notes {_P} {_A}>{shape(notes[index], 'body')}</p:notes>"
    return packed(parts)


def book(chapters: dict[str, str], more: dict[str, str | bytes] | None = None) -> bytes:
    """An .epub file.

    Args:
        chapters: name within its folder -> HTML, in reading order.
        more: further parts.
    """
    items = "".join(f'<item id="c{index}" href="{name}" media-type="application/xhtml+xml"/>'
                    for index, name in enumerate(chapters))
    order = "".join(f'<itemref idref="c{index}"/>' for index in range(len(chapters)))
    nav = '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    return packed({
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                                  '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
                          f"<metadata><dc:title>Job manual</dc:title></metadata><manifest>{items}{nav}</manifest>"
                          f'<spine><itemref idref="nav"/>{order}</spine></package>',
        "OEBPS/nav.xhtml": "<html><body><p>A chapter of it is listed here, which is a page of contents and no prose."
                           "</p></body></html>",
        **{f"OEBPS/{name}": html for name, html in chapters.items()}, **(more or {})})


def _relations(found: dict[str, tuple[str, str]]) -> str:
    return '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">' + "".join(
        f'<Relationship Id="{id}" Type="{_KIND}{kind}" Target="{target}"/>' for id, (kind, target) in found.items()
    ) + "</Relationships>"
