"""However large a folder is: passages are bounded by a choice that hardly changes, and its texts are not in memory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from knowledge.documents import ReadingProgress, chosen_chunks, read_folder
from knowledge.documents.boilerplate import copies, keys_on
from knowledge.documents.chosen_chunks import ChosenChunks, id_of
from knowledge.documents.chunking import Chunk, Paragraph
from knowledge.documents.page_spool import PageSpool
from runner.cli import reading_progress
from tests.knowledge.folder_files import fact, write


def chunk_of(number: int) -> Chunk:
    return Chunk("p.md", ("P",), "", (f"Sentence number {number} stands in this passage alone.",))


def test_the_smallest_hashes_are_kept_in_the_order_of_the_folder() -> None:
    chunks = [chunk_of(number) for number in range(200)]
    chosen = ChosenChunks(most=20)
    assert chosen.add(chunks) == 200 and chosen.add(chunks[:50]) == 50
    smallest = sorted(map(id_of, chunks))[:20]
    assert sorted(map(id_of, chosen.kept)) == smallest
    assert chosen.kept == [one for one in chunks if id_of(one) in smallest]
    assert chosen.repeated + chosen.passed_over + len(chosen.kept) == 250


def test_a_choice_stays_when_the_folder_grows() -> None:
    before, after = ChosenChunks(most=50), ChosenChunks(most=50)
    before.add(chunk_of(number) for number in range(1000))
    after.add(chunk_of(number) for number in range(1100))
    assert len({id_of(one) for one in before.kept} & {id_of(one) for one in after.kept}) >= 40


def test_passages_beyond_the_most_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen_chunks.ChosenChunks.__init__, "__defaults__", (7,))
    for number in range(20):
        write(tmp_path / f"{number}.md", f"# P{number}\n\n{fact(f'thing{number}')}\n")
    found = read_folder(tmp_path)
    assert (len(found.passages), found.passed_over) == (7, 13)


def test_a_page_comes_back_from_the_spool_as_it_was() -> None:
    spool = PageSpool()
    pages = {f"{name}.md": [Paragraph(("T", "S"), "s", f"Text {name} \ud800 of it."), Paragraph(("T",), "", "")]
             for name in "ab"}
    for path, paragraphs in pages.items():
        spool.add(path, paragraphs)
    spool.add("none.md", [])
    assert {page.path: spool.paragraphs(page) for page in spool.pages} == pages | {"none.md": []}
    assert [(page.distinct, page.first_heading) for page in spool.pages] == [(2, "T"), (2, "T"), (0, "")]
    assert len(keys_on(spool.pages, 2)) == 1


def test_finding_copies_looks_at_a_bounded_number_of_pages() -> None:
    """Ten thousand pages with one footer and a text of their own: a comparison of each with each takes minutes."""
    spool, chance = PageSpool(), random.Random(1)
    footer = Paragraph(("T",), "", "The same footer stands on every page of it.")
    for number in range(10_000):
        own = [Paragraph(("T",), "", f"Text {chance.random()}") for _ in range(3)]
        spool.add(f"{number}.md", [*own, *(Paragraph(("T",), "", f"{footer.text} {part}") for part in range(4))])
    spool.add("copy.md", spool.paragraphs(spool.pages[20]))
    spool.add("late copy.md", spool.paragraphs(spool.pages[9_000]))
    assert copies(spool.pages) == {"copy.md": "20.md", "late copy.md": "9000.md"}


def test_a_hundred_editions_of_a_page_are_copies_of_the_first() -> None:
    spool = PageSpool()
    for number in range(100):
        spool.add(f"{number}.md", [Paragraph(("T",), "", f"Paragraph {part} of the page.") for part in range(5)])
    assert copies(spool.pages) == {f"{number}.md": "0.md" for number in range(1, 100)}


def test_the_terminal_shows_how_far_reading_is(monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr(reading_progress.time, "monotonic", lambda: now[0])
    show = reading_progress.show_reading()
    for second in range(70):
        now[0] = float(second)
        show(ReadingProgress(second, 100, second * 1_000_000))
    assert capsys.readouterr().err.splitlines() == [
        "  reading: 2 of 100 files, 2.0 MB, 2.0 s", "  reading: 32 of 100 files, 32.0 MB, 32 s",
        "  reading: 62 of 100 files, 62.0 MB, 1 min 2 s"]
