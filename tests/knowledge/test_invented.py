"""The invented facts: readable as a folder of documents, the same for the same seed, and nothing gives them away."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge import invented
from knowledge.distractors import make_distractors
from knowledge.domain import Domain
from knowledge.invented.generator import FACTS, PAGES, main, write_facts
from knowledge.loader import open_knowledge
from knowledge.split import held_out_passages, practice_passages

BUNDLED = Path(invented.__file__).parent / "documents"
CHANCE = 0.25
Guess = Callable[[str, list[str]], str]


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Domain:
    folder = tmp_path_factory.mktemp("invented") / "facts"
    write_facts(folder, 480, seed=7)
    return open_knowledge(str(folder))


def test_the_bundled_folder_is_what_the_generator_writes(tmp_path: Path) -> None:
    assert write_facts(tmp_path / "again") == FACTS == 120
    assert {path.name: path.read_text() for path in (tmp_path / "again").iterdir()} == {
        path.name: path.read_text() for path in BUNDLED.iterdir()}
    write_facts(tmp_path / "other", seed=1)
    names = [set(re.findall(r"^## (\w+)", "\n".join(path.read_text() for path in folder.iterdir()), re.M))
             for folder in (BUNDLED, tmp_path / "other")]
    assert len(names[0]) == FACTS and len(names[0] & names[1]) < 0.1 * FACTS


@pytest.mark.parametrize("facts", ["bundled", "more"])
def test_every_fact_is_a_passage_with_questions_for_training_and_for_the_test(facts: str, more: Domain) -> None:
    domain = open_knowledge(str(BUNDLED)) if facts == "bundled" else more
    wanted = FACTS if facts == "bundled" else 480
    assert len(domain.passages) == wanted and len({passage.topic for passage in domain.passages}) == len(PAGES)
    assert all(len(passage.questions) == 2 and passage.test_questions for passage in domain.passages)
    used = len(practice_passages(domain)) + len(held_out_passages(domain))
    assert used > 0.9 * wanted, "near-duplicates"
    for passage in domain.passages:
        name = passage.title.rpartition(" > ")[2]
        assert name in passage.test_questions[0] and name not in passage.text


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


GUESSES: dict[str, Guess] = {
    "the longest": lambda question, options: max(options, key=len),
    "the shortest": lambda question, options: min(options, key=len),
    "most words of the question": lambda question, options: max(
        options, key=lambda option: len(_words(option) & _words(question))),
    "the first in the alphabet": lambda question, options: min(options),
    "the last in the alphabet": lambda question, options: max(options),
}


@pytest.mark.parametrize("guess", GUESSES)
def test_who_knows_nothing_is_at_chance(guess: str, more: Domain) -> None:
    right = 0
    for at, passage in enumerate(more.passages):
        question = passage.test_questions[0]
        wrong = make_distractors(question, passage.text, passage, more, seed=42)
        options = [passage.text, *(one.text for one in wrong)]
        turned = [*options[at % 4:], *options[:at % 4]]  # of equal options the first is taken
        right += GUESSES[guess](question, turned) == passage.text
        assert wrong[2].rule == "reversed" and len(set(options)) == 4
    share, error = right / len(more.passages), (CHANCE * (1 - CHANCE) / len(more.passages)) ** 0.5
    assert abs(share - CHANCE) < 0.1 + 2 * error, share


@pytest.mark.parametrize(("arguments", "says"), [(["--facts", "3"], "3 facts are too few"), ([], "is not empty")])
def test_what_cannot_be_written_is_said_in_one_sentence(tmp_path: Path, arguments: list[str], says: str,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a file").write_text("mine")
    folder = tmp_path / "new" if arguments else tmp_path
    assert main([str(folder), *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error and len(error.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


def test_more_facts_than_there_are_short_words_are_written(tmp_path: Path) -> None:
    assert write_facts(tmp_path / "many", 2_400, seed=3) == 2_400
    text = "".join(page.read_text(encoding="utf-8") for page in (tmp_path / "many").iterdir())
    assert len(set(re.findall(r"^## (\w+)$", text, re.M))) == 2_400
