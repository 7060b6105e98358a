"""A folder of documents becomes passages: every format, every kind of bad input, and always the same ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from knowledge.documents import IngestResult, NoSuchFolder, NothingReadable, ReadingProgress, read_folder
from knowledge.documents.file_discovery import MAX_FILE_BYTES
from knowledge.domain import domain_of
from knowledge.domain_json import from_json, to_json
from knowledge.passages import Passage
from tests.knowledge.folder_files import FACT, PDF_FACT, markdown_tree, pdf_of, write


def reading_of(folder: Path, name: str, content: str | bytes) -> IngestResult:
    """A folder with one file beside a readable one, read."""
    write(folder / "good.md", f"# Good\n\n{FACT}\n")
    write(folder / name, content)
    return read_folder(folder)


def only(folder: Path, name: str, content: str | bytes) -> tuple[Passage, ...]:
    """The passages of a folder with one file."""
    write(folder / name, content)
    return read_folder(folder).passages


def test_markdown_yields_prose_under_its_headings(tmp_path: Path) -> None:
    text = f"# Guide\n\n## Queues\n\n{FACT}\n\n```sh\nrun me\n```\n\n| a | b |\n|--|--|\n"
    (passage,) = only(tmp_path, "guide.md", text)
    assert passage.text == FACT.replace("`", "")
    assert (passage.source, passage.address, passage.title) == ("folder", "guide.md#queues", "Guide > Queues")


@pytest.mark.parametrize("front", ['---\ntitle: "Named here"\ntags: [a, b]\n---\n', '+++\ntitle = "Named here"\n+++\n'])
def test_front_matter_gives_the_title_and_goes(tmp_path: Path, front: str) -> None:
    (passage,) = only(tmp_path, "page.md", f"{front}\n{FACT}\n")
    assert passage.title == "Named here" and "tags" not in passage.text


@pytest.mark.parametrize("noise", [
    '{{< note >}}', '{{% alert title="x" %}}', "{% include warning.html %}", "{{ site.name }}", "<!-- a comment -->",
    "![badge](https://img.shields.io/x.svg)", "[![CI](a.svg)](b)", "import Tabs from '@theme/Tabs'",
    ":::tip", "!!! note",
    "<Tabs>\n<TabItem value='x'>\n</TabItem></Tabs>", '{{< highlight go >}}\nfunc main() {}\n{{< /highlight >}}',
    "{% raw %}\n{{ code }}\n{% endraw %}", "~~~yaml\nkey: value\n~~~", "[TOC]"])
def test_what_is_no_prose_is_dropped(tmp_path: Path, noise: str) -> None:
    (passage,) = only(tmp_path, "page.mdx", f"# Page\n\n{noise}\n\n{FACT}\n\n{noise}\n")
    assert passage.text == FACT.replace("`", "")


def test_glossary_shortcodes_keep_their_words(tmp_path: Path) -> None:
    worker = '{{< glossary_tooltip term_id="x" text="worker" >}}'
    said = f"Every {worker} of it waits until the disk of the scheduler has room for one more of its jobs."
    (passage,) = only(tmp_path, "p.md", f"# P\n\n{said}\n")
    assert passage.text.startswith("Every worker of it waits")


def test_restructured_text_is_read_without_its_directives(tmp_path: Path) -> None:
    text = (f"Guide\n=====\n\n.. contents::\n   :depth: 2\n\nQueues\n------\n\n{FACT} See :ref:`more <x>`.\n\n"
            f"::\n\n    code()\n\n.. code-block:: sh\n\n   run --all\n\n.. note::\n   "
            f"A ``worker`` is a process that takes jobs from a queue and reports every result to the scheduler.\n")
    first, second = only(tmp_path, "guide.rst", text)
    assert first.title == second.title == "Guide > Queues"
    assert "run" not in first.text + second.text and "code" not in first.text
    assert second.text.startswith("A worker is a process")


def test_plain_text_is_read(tmp_path: Path) -> None:
    (passage,) = only(tmp_path, "notes.txt", f"{FACT}\n")
    assert passage.title == "notes"


def test_html_is_read_without_scripts_and_navigation(tmp_path: Path) -> None:
    page = (f"<html><head><title>Queues - Site</title><script>alert('It is a thing.')</script></head>"
            f"<body><nav><p>{FACT.replace('queue', 'menu')}</p></nav><main><h2 id='q'>Basics"
            f"<a class='headerlink'>¶</a></h2>"
            f"<p>{FACT.replace('`max-jobs`', '<code>max-jobs</code>')}<p>Unclosed<table><tr><td>{FACT}</table>"
            f"<pre>{FACT}</pre></main><footer>{FACT}</footer></body></html>")
    (passage,) = only(tmp_path, "page.html", page)
    assert passage.text == FACT.replace("`", "")
    assert (passage.address, passage.title) == ("page.html#q", "Queues > Basics")


def test_xhtml_is_read_without_a_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    page = (f"<?xml version='1.0' encoding='UTF-8'?><html xmlns='http://www.w3.org/1999/xhtml'><body><main>"
            f"<h1>Queues</h1><p>{FACT}</p></main></body></html>")
    (passage,) = only(tmp_path, "page.html", page)
    assert passage.title == "Queues" and not recwarn.list


def test_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    passages = only(tmp_path, "manual.pdf", pdf_of(PDF_FACT))
    assert [passage.address for passage in passages] == ["manual.pdf#page=1"]
    assert passages[0].text.startswith("A queue is a list of jobs")


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("junk.md", bytes(range(256)) * 40, "binary"), ("broken.pdf", b"%PDF-1.4 nothing more", "broken PDF"),
    ("not-a.pdf", b"hello", "broken PDF"), ("blank.pdf", pdf_of(""), "without text"),
    ("locked.pdf", pdf_of(PDF_FACT, password="secret"), "encrypted"), ("empty.md", "", "empty"),
    ("letter.docx", b"PK", "broken Word file"), ("sums.xlsx", b"PK", "only Markdown"),
    ("old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "the old format .doc"),
    ("rows.csv", "a,b\n" * 3000, "only Markdown"),
    ("cells.ipynb", "{}", "broken notebook"),
    ("rows.md", "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 3000, "no passage"),
    ("code.md", "```\nx = 1\n```\n", "no passage of prose"),
    ("LICENSE.txt", FACT, "licence"), ("none.html", b"   ", "")])
def test_bad_files_are_named_with_a_reason_and_the_rest_goes_on(tmp_path: Path, name: str, content: str | bytes,
                                                                reason: str) -> None:
    reading = reading_of(tmp_path, name, content)
    assert [passage.address for passage in reading.passages] == ["good.md#good"]
    assert [entry.path for entry in reading.skipped] == [name]
    assert reason in reading.skipped[0].reason


def test_a_huge_file_is_skipped_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(10 * MAX_FILE_BYTES)
    reading = reading_of(tmp_path, "small.md", "")
    assert "200 MB: larger than the 20 MB" in {entry.path: entry.reason for entry in reading.skipped}["huge.txt"]


@pytest.mark.parametrize(("encoded", "said", "remark"), [
    (f"# P\n\n{FACT} Ein Café öffnet früh.\n".encode("cp1252"), "Café öffnet", "cp1252"),
    (f"# P\n\n{FACT} Café öffnet früh, ".encode() + b"\xff then closes.\n", "A queue is", "invalid UTF-8: 1 bytes"),
    (f"# P\n\n{FACT}\n".encode("utf-16"), "A queue is", "")])
def test_other_encodings_are_read_and_noted(tmp_path: Path, encoded: bytes, said: str, remark: str) -> None:
    write(tmp_path / "p.md", encoded)
    reading = read_folder(tmp_path)
    assert said in reading.passages[0].text and "\ufffd" not in reading.passages[0].text
    assert [entry.path for entry in reading.remarks if remark in entry.reason] == (["p.md"] if remark else [])


def test_links_in_a_circle_and_hidden_folders_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / ".git" / "notes.md", f"# Hidden\n\n{FACT}\n")
    write(tmp_path / "docs" / "a.md", f"# A\n\n{FACT}\n")
    (tmp_path / "docs" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "dead.md").symlink_to(tmp_path / "nowhere.md")
    reading = read_folder(tmp_path)
    assert [passage.address for passage in reading.passages] == ["docs/a.md#a"]
    assert {entry.path: entry.reason.split()[-1] for entry in reading.skipped} == {"dead.md": "nowhere",
                                                                                   "docs/again": "already"}


def test_a_folder_that_is_none_says_so(tmp_path: Path) -> None:
    write(tmp_path / "file.md", FACT)
    with pytest.raises(NoSuchFolder, match=r"file\.md: this is a file"):
        read_folder(tmp_path / "file.md")
    with pytest.raises(NoSuchFolder, match="gone: there is no such folder"):
        read_folder(tmp_path / "gone")


def test_a_folder_without_a_passage_says_why(tmp_path: Path) -> None:
    with pytest.raises(NothingReadable, match=f"{tmp_path.name}: no Markdown"):
        read_folder(tmp_path)
    write(tmp_path / "junk.md", b"\0\1\2")
    with pytest.raises(NothingReadable, match=r"nothing readable in it \(junk\.md: binary data"):
        read_folder(tmp_path)


def test_the_same_files_give_the_same_passages_wherever_they_lie(tmp_path: Path) -> None:
    one = read_folder(markdown_tree(tmp_path / "one"), "Jobs")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    for path in (tmp_path / "two").rglob("*"):
        os.utime(path, (1, 1))
    assert read_folder(tmp_path / "two", "Jobs") == one


def test_what_many_pages_share_is_left_out_and_a_copy_is_named(tmp_path: Path) -> None:
    tree = markdown_tree(tmp_path / "docs")
    footer = "Every page of this manual is written by those who run the service, and corrected by those who use it."
    for path in sorted(tree.rglob("*.md")):
        write(path, f"{path.read_text()}\n\n{footer}\n")
    shutil.copy(tree / "workers" / "page0.md", tree / "workers" / "page9.md")
    reading = read_folder(tree)
    assert not any("corrected by those" in passage.text for passage in reading.passages)
    assert {entry.path: entry.reason for entry in reading.skipped} == {
        "README.md": "no passage of prose in it", "workers/page9.md": "says the same as workers/page0.md"}


def test_passages_keep_within_their_limits(tmp_path: Path) -> None:
    long = " ".join(f"The amber number {n} keeps its count of all the jobs that it has ever seen." for n in range(60))
    for passage in only(tmp_path, "long.md", f"# Long\n\n{long}\n"):
        assert 14 <= len(passage.text.split()) <= 90 and passage.text.count(".") <= 4
        assert passage.key_terms and all(term in passage.text for term in passage.key_terms)


def test_a_folder_that_changes_while_it_is_read_is_named_file_by_file(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.md", f"# {name}\n\n{FACT.replace('queue', f'{name}-queue')}\n")

    def change(progress: ReadingProgress) -> None:
        if progress.files == 2 and not (tmp_path / "d.md").exists():
            write(tmp_path / "a.md", "# A\n\nIt is another text now, and a longer one than before it was changed.\n")
            (tmp_path / "b.md").unlink()
            write(tmp_path / "d.md", f"# D\n\n{FACT}\n")
    reading = read_folder(tmp_path, "Docs", change)
    assert [passage.address for passage in reading.passages] == ["a.md#a", "b.md#b", "c.md#c"]
    assert {remark.path: remark.reason for remark in reading.remarks} == {
        "a.md": "changed after it was read: what was read counts",
        "b.md": "removed after it was read: what was read counts"}
    assert {file.path: file.reason for file in reading.skipped} == {
        "d.md": "added while the folder was read: read the folder again"}


def test_a_file_that_is_being_written_is_read_whole_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "good.md", f"# Good\n\n{FACT}\n")
    write(tmp_path / "growing.md", f"# Growing\n\n{FACT.replace('queue', 'lane')}\n")
    real, writes = os.stat, [1]

    def growing(file: object, *given: object, **more: object) -> os.stat_result:
        if isinstance(file, int) and os.readlink(f"/proc/self/fd/{file}").endswith("growing.md") and writes[0] > 0:
            writes[0] -= 1
            with (tmp_path / "growing.md").open("a") as grown:
                grown.write("More of it comes with every look at it.\n")
        return real(file, *given, **more)  # type: ignore[arg-type]
    monkeypatch.setattr("knowledge.documents.file_reading.os.stat", growing)
    assert {file.path for file in read_folder(tmp_path).files} == {"good.md", "growing.md"}
    writes[0] = 1000
    (named,) = read_folder(tmp_path).skipped
    assert named.path == "growing.md" and "was being written while it was read" in named.reason


def test_a_name_that_is_no_utf8_is_read_and_can_be_stored(tmp_path: Path) -> None:
    for name, fact in ((b"caf\xe9.md", FACT), (b"caf\xe8.md", FACT.replace("the", "a"))):
        (tmp_path / os.fsdecode(name)).write_text(f"# Page\n\n{fact}\n", encoding="utf-8")
    (tmp_path / os.fsdecode(b"\xff.odt")).write_bytes(b"x")
    found = read_folder(tmp_path)
    assert sorted(one.address.partition("#")[0] for one in found.passages) == ["caf\\udce8.md", "caf\\udce9.md"]
    assert [one.path for one in found.skipped] == ["\\udcff.odt"] and not found.remarks
    domain = domain_of("Pages", found.passages)
    assert from_json(to_json(domain).encode().decode()).passages == found.passages


def test_an_archive_in_a_folder_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.md", f"# A\n\n{FACT}\n")
    for name in ("more.zip", "more.tar.gz", "more.TGZ", "more.7z", "more.rar", "more.tar.zst"):
        write(tmp_path / name, b"PK")
    said = {one.path: one.reason for one in read_folder(tmp_path).skipped}
    assert {name: ("archive" in reason, "name it as the documents" in reason) for name, reason in said.items()} == {
        "more.TGZ": (True, True), "more.tar.gz": (True, True), "more.zip": (True, True),
        "more.7z": (True, False), "more.rar": (True, False), "more.tar.zst": (True, False)}


def test_an_aside_of_prose_is_read_and_one_of_links_is_not(tmp_path: Path) -> None:
    menu = "<ul><li><a href='a'>The queue of every worker is here, in one list of all</a></li></ul>"
    write(tmp_path / "a.html", f"<html><body><main><h1>Queues</h1><p>{FACT}</p><aside class='note'><p>"
                               f"{FACT.replace('queue', 'notice')}</p></aside><aside>{menu}</aside></main></body>")
    text = " ".join(one.text for one in read_folder(tmp_path).passages)
    assert "notice" in text and "in one list of all" not in text


def test_documents_without_a_passage_are_named_by_their_place(tmp_path: Path) -> None:
    write(tmp_path / "content" / "more.zip", b"PK")
    with pytest.raises(NothingReadable, match=r"^git\+https://host/docs: nothing readable .*more\.zip: an archive"):
        read_folder(tmp_path / "content", place="git+https://host/docs")
