"""Open documents that are zip archives of XML (.docx, .pptx, .epub), with bounds on what they unpack to."""

from __future__ import annotations

import contextlib
import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from lxml import etree

from knowledge.documents.document import Unreadable

MAX_UNPACKED_BYTES = 40 * 2**20
"""The most that all parts of a file that are read may take once they are unpacked; images are not read."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins the container of an encrypted file, and of the formats of before 2007."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_RELATIONSHIPS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"


class PackedFile:
    """The parts of one file; the sizes of all parts that are read count against one bound."""

    def __init__(self, archive: zipfile.ZipFile, kind: str) -> None:
        """`kind` names the format in messages: `Word`."""
        self._archive = archive
        self._kind = kind
        self._left = MAX_UNPACKED_BYTES

    def names(self) -> list[str]:
        """The names of all parts."""
        return self._archive.namelist()

    def read(self, name: str) -> bytes:
        """A part's bytes.

        Raises:
            KeyError: there is no such part.
            Unreadable: the parts are too large.
        """
        # What is unpacked never exceeds the size that is declared: zipfile stops there.
        self._left -= self._archive.getinfo(name).file_size
        if self._left < 0:
            raise Unreadable(f"a {self._kind} file with more than {MAX_UNPACKED_BYTES // 2**20} MB of text")
        return self._archive.read(name)

    def xml(self, name: str) -> Any:
        """A part as XML; no entity is resolved and nothing is fetched.

        Raises:
            KeyError: there is no such part.
            Unreadable: the parts are too large.
        """
        return etree.fromstring(self.read(name), etree.XMLParser(resolve_entities=False, no_network=True))

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """Id -> kind and name of the parts that a part of an Office file refers to."""
        folder, _, file = name.rpartition("/")
        try:
            found = self.xml(f"{folder}/_rels/{file}.rels")
        except KeyError:
            return {}
        return {one.get("Id", ""): (one.get("Type", "").rpartition("/")[2], _joined(folder, one.get("Target", "")))
                for one in found.iter(_RELATIONSHIPS) if one.get("TargetMode") != "External"}


@contextlib.contextmanager
def open_packed(data: bytes, kind: str, old_kinds: str) -> Iterator[PackedFile]:
    """Open a file's parts for reading.

    Args:
        data: the file.
        kind: the format in messages: `Word`.
        old_kinds: the suffix of the format of before 2007, which such files often still have.

    Raises:
        Unreadable: protected by a password, of the old format, or broken; also if that shows while parts are read.
    """
    if data.startswith(_OLE):
        raise Unreadable(f"a {kind} file with a password: save it without one" if _ENCRYPTED in data else
                         f"a {kind} file of the old format {old_kinds}: save it as {old_kinds}x")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield PackedFile(archive, kind)
    except (zipfile.BadZipFile, zlib.error, KeyError, IndexError, AttributeError, TypeError, ValueError, EOFError,
            etree.XMLSyntaxError, NotImplementedError, RuntimeError, OSError) as error:
        raise Unreadable(f"a broken {kind} file") from error


def _joined(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
