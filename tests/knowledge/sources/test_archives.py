"""An archive is unpacked once, within bounds, and refused whole where it could write elsewhere."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from knowledge.loader import name_of, open_knowledge
from knowledge.sources import NoSuchDocuments, folder_of, limits, pin
from tests.knowledge.folder_files import FACT, fact, write

PLAIN = FACT.replace("`", "")
PAGE = f"# Queues\n\n{FACT}\n".encode()


def zip_of(path: Path, names: list[str], content: bytes = PAGE) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, content)
    return path


def tar_of(path: Path, names: list[str], kind: bytes = tarfile.REGTYPE, target: str = "") -> Path:
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, target, 0 if target else len(PAGE)
            file.addfile(entry, None if target else io.BytesIO(PAGE))
    return path


def refused(path: Path, fetched: Path) -> str:
    """Why an archive is refused; nothing of it stays."""
    with pytest.raises(NoSuchDocuments) as found:
        pin(str(path), fetched)
    assert list(fetched.iterdir()) == [] and "\n" not in str(found.value)
    return str(found.value)


@pytest.mark.parametrize("name", ["guide.zip", "guide.tar", "guide.tar.gz", "guide.tgz", "guide.tar.xz",
                                  "guide.tar.bz2"])
def test_an_archive_is_unpacked_once_and_named_by_its_hash(tmp_path: Path, name: str) -> None:
    make = zip_of if name.endswith(".zip") else tar_of
    archive, fetched = make(tmp_path / name, ["docs/queues.md"]), tmp_path / "fetched"
    pinned = pin(str(archive), fetched)
    assert pinned.startswith(f"{archive}#sha256=") and name_of(pinned) == "Guide"
    archive.unlink()
    domain = open_knowledge(pinned, "", fetched)
    assert [(passage.text, passage.address) for passage in domain.passages] == [(PLAIN, "docs/queues.md#queues")]
    assert pin(pinned, fetched) == pinned


def test_an_archive_of_the_current_folder_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    write(tmp_path / "docs" / "queues.md", PAGE)
    with tarfile.open(tmp_path / "guide.tgz", "w:gz") as file:
        file.add(tmp_path / "docs", ".")
    domain = open_knowledge(pin(str(tmp_path / "guide.tgz"), tmp_path / "fetched"), "", tmp_path / "fetched")
    assert [passage.text for passage in domain.passages] == [PLAIN]


def test_an_archive_that_has_changed_is_refused_with_both_hashes(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "guide.zip", ["queues.md"])
    pinned = pin(str(archive), tmp_path / "fetched")
    zip_of(archive, ["queues.md"], f"# Queues\n\n{fact('lane')}\n".encode())
    with pytest.raises(NoSuchDocuments, match=r"was [0-9a-f]{64} and is now [0-9a-f]{64}"):
        folder_of(pinned, tmp_path / "elsewhere")
    assert pin(str(archive), tmp_path / "fetched") != pinned


@pytest.mark.parametrize("name", ["../out.md", "/out.md", "a/../../out.md", "..\\out.md", "C:\\out.md", "..",
                                  "\\out.md"])
@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str, make: object) -> None:
    archive = make(tmp_path / ("a.zip" if make is zip_of else "a.tar"), ["page.md", name])  # type: ignore[operator]
    assert "leads out of the archive" in refused(archive, tmp_path / "fetched")
    assert not list(tmp_path.rglob("out.md"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = tar_of(tmp_path / "a.tar", ["page.md"], kind, "/etc/passwd")
    assert "is a link" in (said := refused(archive, tmp_path / "fetched")) or "neither a file nor a folder" in said


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("page.md")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(entry, "/etc/passwd")
    assert "'page.md' is a link" in refused(tmp_path / "a.zip", tmp_path / "fetched")


def test_a_hundred_thousand_files_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for number in range(limits.MOST_FILES + 1):
            file.writestr(f"{number % 100}/", "")
            if not number:
                file.writestr("page.md", PAGE)
    assert "more than 50,000 files" in refused(tmp_path / "a.zip", tmp_path / "fetched")


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_a_bomb_is_refused_when_its_bound_is_reached(tmp_path: Path, make: object,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BYTES", 3 * len(PAGE))
    archive = make(tmp_path / ("a.zip" if make is zip_of else "a.tgz"),  # type: ignore[operator]
                   [f"{number}.md" for number in range(9)])
    assert "GB once unpacked" in refused(archive, tmp_path / "fetched")


@pytest.mark.parametrize(("content", "said"), [
    (b"PK no archive", "a broken archive"), (b"", "a broken archive"),
    (b"\x1f\x8b" + bytes(200), "a broken archive")])
def test_a_broken_archive_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    write(tmp_path / "a.zip", content)
    assert said in refused(tmp_path / "a.zip", tmp_path / "fetched")


def test_a_missing_one_and_one_with_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.zip", tmp_path / "fetched")
    assert "two files of it have one name" in refused(tar_of(tmp_path / "a.tar", ["a.md", "a.md"]),
                                                     tmp_path / "fetched")
    assert "two files of it have one name" in refused(tar_of(tmp_path / "b.tar", ["a.md", "a.md/b.md"]),
                                                     tmp_path / "fetched")


def test_a_password_is_said(tmp_path: Path) -> None:
    data = bytearray(zip_of(tmp_path / "a.zip", ["page.md"]).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    write(tmp_path / "a.zip", bytes(data))
    assert "the archive has a password" in refused(tmp_path / "a.zip", tmp_path / "fetched")


def test_a_folder_with_the_name_of_an_archive_is_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "docs.zip" / "page.md", PAGE)
    assert pin(str(tmp_path / "docs.zip"), tmp_path / "fetched") == str(tmp_path / "docs.zip")
    assert not os.path.exists(tmp_path / "fetched")


@pytest.mark.parametrize("name", ["docs.7z", "docs.rar", "docs.tar.zst"])
def test_archives_of_other_kinds_are_named_as_such(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, b"7z")
    (tmp_path / "fetched").mkdir()
    assert "archives of this kind are not unpacked" in refused(tmp_path / name, tmp_path / "fetched")
