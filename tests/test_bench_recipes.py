"""The lab of recipes: what it trains on, what it keeps, and how it compares. Trains nothing itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from knowledge.near_duplicates import NearDuplicateIndex
from knowledge.questions import Question
from runner.protocols import Answer, Likelihood, TrainingExample
from tests.bench.recipes import __main__ as lab
from tests.bench.recipes.exam import examine
from tests.bench.recipes.facts import Fact, TAUGHT, TOPICS, held_out, siblings, taught
from tests.bench.recipes.recipe import Recipe, examples_of, training_config
from tests.bench.recipes.recipe_table import RECIPES
from tests.bench.recipes.table import COLUMNS, Result, as_table, keep, paired_interval, read_results

REPLAY = (TrainingExample("What is rain?", "Water."), TrainingExample("Why?", "So."))


def result(recipe: str, seed: int, value: float) -> Result:
    scores = {"choice": {f"fact {n}": value for n in range(8)}}
    return Result(recipe, seed, 8, 1000, 10.0, 0, 0.5, scores)


def test_taught_and_held_out_facts_are_apart_and_taught_ones_even_over_the_topics() -> None:
    facts = taught()
    assert len(facts) == TAUGHT and {fact.passage.id for fact in facts}.isdisjoint(
        fact.passage.id for fact in held_out())
    for topic in TOPICS:
        assert sum(fact.passage.topic == topic for fact in facts[: TAUGHT // 2]) in (7, 8)
    assert all(len(siblings(fact, facts)) >= 3 for fact in facts)
    assert all(fact.locked not in fact.passage.questions for fact in facts)


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.shares])
def test_no_recipe_trains_on_a_locked_wording(name: str) -> None:
    facts = taught(8)
    locked = NearDuplicateIndex(fact.locked for fact in facts)
    examples, _ = examples_of(RECIPES[name], facts, REPLAY, 1)
    assert len(examples) >= RECIPES[name].presentations * len(facts)
    assert not [example for example in examples if example.question and locked.find(example.question)]


def test_the_mission_s_recipe_shows_one_wording_with_the_whole_answer() -> None:
    facts = taught(8)
    examples, _ = examples_of(RECIPES["off"], facts, (), 1)
    assert {(one.question, one.answer, one.complete) for one in examples} == {
        (fact.passage.questions[0], fact.reference, True) for fact in facts}


def test_a_placebo_never_gives_a_question_its_own_answer() -> None:
    facts = taught(8)
    own = {fact.passage.questions[0]: fact.reference for fact in facts}
    examples, _ = examples_of(Recipe({"question": 1.0}, 4, placebo=True), facts, (), 1)
    asked = [one for one in examples if one.question in own]
    assert asked and all(own[one.question] != one.answer for one in asked)


def test_everyday_questions_take_their_share() -> None:
    facts = taught(8)
    examples, _ = examples_of(Recipe({"question": 1.0}, 15, general=0.1), facts, REPLAY, 1)
    assert sum(one in REPLAY for one in examples) / len(examples) == pytest.approx(0.1, abs=0.02)


def test_one_pass_over_the_examples_in_order() -> None:
    config = training_config(Recipe(batch=8), 81, 1)
    assert config.steps == 11 and config.in_order


def test_results_are_kept_and_the_last_one_counts(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    assert read_results(path) == []
    for value in (0.5, 0.75):
        keep(path, result("off", 1, value))
    assert read_results(path) == [result("off", 1, 0.75)]


def test_the_table_has_a_paired_interval_against_the_untrained_student() -> None:
    rows = [result("untrained", 1, 0.25), result("off", 1, 0.5), result("off", 2, 0.75)]
    table = as_table(rows, ["untrained", "off"])
    assert "| untrained | 1 |" in table and "0.62 (+0.25 to +0.50)" in table


def test_an_interval_grows_with_the_spread_over_facts_and_needs_six() -> None:
    base = {str(n): 0.0 for n in range(20)}
    alike, spread = {str(n): 0.5 for n in range(20)}, {str(n): float(n % 2) for n in range(20)}
    assert paired_interval([alike], [base]) == (0.5, 0.5)
    low, high = paired_interval([spread], [base]) or (0.0, 0.0)
    assert 0.2 < low < 0.4 and 0.6 < high < 0.8
    assert paired_interval([{"1": 1.0}], [{"1": 0.0}]) is None


def test_an_unknown_recipe_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.main(["alchemy"]) == 2
    assert "alchemy" in capsys.readouterr().err


def test_what_is_kept_is_not_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "_run", lambda wanted, *_: print(f"runs {wanted}"))
    keep(tmp_path / "kept", result("off", 1, 0.5))
    lab.main(["off", "--seeds", "1", "2", "--facts", "8", "--results", str(tmp_path / "kept")])
    assert "runs [('off', 2)]" in capsys.readouterr().out


class _Reciter:
    """A student that knows every fact by heart, by whatever wording it is asked."""

    def __init__(self, facts: tuple[Fact, ...]) -> None:
        self.by_wording = {text: fact.reference for fact in facts for text in (fact.locked, *fact.passage.questions)}

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None) -> list[Likelihood]:
        return [Likelihood(0.1 if self._knows(*pair) else 2.1, 10) for pair in pairs]

    def answer(self, questions: Sequence[Question], *_: object) -> Iterator[list[Answer]]:
        yield [Answer(one.id, self.by_wording[one.text], 10, 0.1) for one in questions]

    def _knows(self, question: str, answer: str) -> bool:
        return self.by_wording.get(question, "").startswith(answer)


class _SameOrNot:
    def similarities(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        return [float(answer == reference) for answer, reference in pairs]


def test_the_exam_gives_full_marks_to_a_student_that_knows_every_fact() -> None:
    facts, controls = taught(16), held_out(4)
    scores, answers = examine(_Reciter((*facts, *controls)), None, facts, controls, _SameOrNot())  # type: ignore[arg-type]
    mean = {name: sum(of.values()) / len(of) for name, of in scores.items()}
    assert set(COLUMNS) <= set(mean) and answers[facts[0].passage.id] == facts[0].reference
    for name in ("choice", "choice_without_altered", "similarity", "opening", "opening_trained", "held_out_choice"):
        assert mean[name] == 1, name
    assert min(mean["recall"], mean["recall_trained"]) > 0.95  # `Never` in code is not found
    assert mean["binding"] == pytest.approx(2.0)
    assert mean["general"] == mean["reverse"] == pytest.approx(0.25)  # it knows nothing of these: ties of four
