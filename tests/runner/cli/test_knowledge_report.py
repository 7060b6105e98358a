"""The reading report names what was read of a folder and what was left out, as a page without active content and as
JSON."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from knowledge.documents.chunking import NO_ANTECEDENT, NO_CONTENT, TOO_SHORT
from knowledge.documents.left_out_sentences import EXAMPLES, LeftOutSentences
from knowledge.documents import read_folder
from knowledge.domain import domain_of
from runner.cli.main import main
from store.report.reading_html import reading_html
from store.report.reading_report import ReadingReport, reading_report
from tests.knowledge.folder_files import FACT, fact, markdown_tree, write

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"
GERMAN = ("Der Regler öffnet das Einlassventil innerhalb von 27 Millisekunden nach dem Startsignal und schreibt den "
          "Druck in das Protokoll.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    docs = markdown_tree(tmp_path / "docs")
    write(docs / "ventile.md", f"# Ventile\n\n{GERMAN}\n")
    write(docs / "page.md", f"# Page\n\n{FACT} The name is {{{{ x }}}} in every release of the queue.\n\n"
          "## Tail\n\nSuch a bit stays alone.\n\n## See also\n\nThe other manual has more of the kind for you.\n")
    for number in range(12):
        write(docs / "more" / f"p{number}.md", f"# P{number}\n\n{fact(f'thing{number}')}\n\n"
              f"{fact(f'part{number}')}\n\nIt is number {number} of them and has no name.\n")
    write(docs / "sums.xlsx", b"PK")
    return docs


def report_of(folder: Path) -> ReadingReport:
    reading = read_folder(folder)
    return reading_report(reading, domain_of("Docs", reading.passages, reading.topic_names), str(folder))


def test_the_report_is_written_as_a_page_and_as_json_from_one_reading(folder: Path, tmp_path: Path,
                                                                      capsys: pytest.CaptureFixture[str]) -> None:
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    assert main(["knowledge", "--knowledge", str(folder), "--report", str(page), "--report", str(data)]) == 0
    assert f"written: {page}\nwritten: {data}" in capsys.readouterr().out
    found, html = json.loads(data.read_text()), page.read_text()
    assert found["passages"] == found["training"] + found["held_out"] + found["near_duplicates"] > 60
    assert found["passages"] == sum(file["passages"] for file in found["files"]) == sum(found["languages"].values())
    assert found["languages"]["de"] == 1 and found["left_out"][0]["path"] == "README.md"
    assert {file["path"]: file["sha256"] for file in found["files"]}["ventile.md"] == \
        hashlib.sha256((folder / "ventile.md").read_bytes()).hexdigest()
    for text in (found["knowledge_hash"], found["files_sha256"], "sums.xlsx", "German", "ventile.md"):
        assert text in html


def test_every_rule_has_its_count_and_its_sentences(folder: Path) -> None:
    report = report_of(folder)
    assert sum(report.sentences_left_out.values()) == sum(file.sentences_left_out for file in report.files)
    assert {TOO_SHORT, NO_CONTENT, NO_ANTECEDENT} <= set(report.sentences_left_out) == set(report.examples)
    assert [one.text for one in report.examples[NO_CONTENT]] == ["The other manual has more of the kind for you."]
    assert len(report.examples[NO_ANTECEDENT]) == EXAMPLES < report.sentences_left_out[NO_ANTECEDENT]
    assert len({one.path for one in report.examples[NO_ANTECEDENT]}) > 5


def test_examples_are_the_same_in_whatever_order_sentences_come() -> None:
    one, other = LeftOutSentences(), LeftOutSentences()
    for number in range(200):
        one.add("rule", "a.md", f"Sentence {number}.")
        other.add("rule", "a.md", f"Sentence {199 - number}.")
    assert one.examples() == other.examples() and len(one.examples()["rule"]) == EXAMPLES


def test_near_duplicates_are_shown_with_what_they_repeat(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path / f"p{number}.md", f"# P{number}\n\n{FACT.replace('40', str(400 + number))}\n")
    report = report_of(tmp_path)
    assert report.near_duplicates == len(report.near_duplicate_examples) > 0 == report.held_out
    assert all(pair.similarity > 0.9 and pair.held_out != pair.training for pair in report.near_duplicate_examples)


def test_one_of_a_kind_is_named_in_the_singular(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "page.md", f"# Page\n\n{FACT}\n\nToo short a sentence.\n")
    page = tmp_path / "report.html"
    assert main(["knowledge", "--knowledge", str(tmp_path), "--report", str(page)]) == 0
    assert ": 1 passage, " in capsys.readouterr().out
    words = " ".join(BeautifulSoup(page.read_text(), "lxml").get_text(" ").split())
    assert "1 file read" in words and "1 passage in 1 topic" in words and "1 sentence left out by rule" in words
    assert not re.search(r"\b1 (?:files|passages|topics|sentences|near-duplicates)\b", words)


def test_nothing_of_a_document_is_active_on_the_page(tmp_path: Path) -> None:
    write(tmp_path / "page.md", f"# Page\n\n{FACT} The name `{HOSTILE}` stands in {{ it }} of every release.\n")
    write(tmp_path / f"{HOSTILE.replace('/', '')}\u202e.xlsx", b"PK")
    html = reading_html(report_of(tmp_path))
    assert "&lt;script&gt;" in html and "\u202e" not in html
    elements = BeautifulSoup(html, "lxml").find_all(True)
    assert not {"script", "img", "iframe", "object", "embed", "link", "form", "a"} & {one.name for one in elements}
    assert not [name for one in elements for name in one.attrs if name.startswith("on") or name in ("href", "src")]
    assert "default-src 'none'; style-src 'sha256-" in html


@pytest.mark.parametrize(("given", "said"), [
    (["--report", "x.html"], "name one with --knowledge DIR"),
    (["--knowledge", "{folder}", "--report", "x.pdf"], "the suffix determines the format: use .html, .json"),
    (["--knowledge", "{folder}", "--report", "/nowhere/x.html"], "folder /nowhere does not exist"),
    (["--knowledge", "{folder}/none", "--report", "x.html"], "there is no such folder")])
def test_a_report_that_cannot_be_written_is_refused_before_reading(given: list[str], said: str, folder: Path,
                                                                   tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["knowledge", *(word.replace("{folder}", str(folder)) for word in given)]) == 2
    assert said in capsys.readouterr().err and list(tmp_path.iterdir()) == [folder]


@pytest.mark.browser
def test_a_real_browser_shows_the_page_calls_nobody_and_prints_it(folder: Path, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("there is no /usr/bin/chromium: apt-get install chromium")
    to = tmp_path / "report.html"
    to.write_text(reading_html(report_of(folder)), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium",
                                              args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 700, "height": 800})
        called: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: called.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(to.as_uri())
        sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        shares = page.evaluate("[...document.querySelectorAll('svg.split rect')].map(one => one.getBBox().width)")
        printed = page.pdf(prefer_css_page_size=True)
        chromium.close()
    assert called == [to.as_uri()] and not said and sideways <= 0 and printed.startswith(b"%PDF")
    assert sum(shares) == pytest.approx(1000, abs=0.1)
