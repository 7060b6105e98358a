"""The lab of recipes: what it trains on, what it keeps, and how it compares; a tiny model goes its whole path."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.questions import Question
from knowledge.study import SHARES
from runner.protocols import Answer, Likelihood, TrainingConfig, TrainingExample
from store.run_config import DEFAULT_TARGET_MODULES, RunConfig
from tests.bench.recipes import __main__ as lab, soft_targets
from tests.bench.recipes.exam import examine
from tests.bench.recipes.facts import (
    RESERVED, SECOND, TAUGHT, TOPICS, Fact, held_out, siblings, taught,
)
from tests.bench.recipes.goals import goals_table
from tests.bench.recipes.measure import measure
from tests.bench.recipes.recipe import Recipe, examples_of, training_config
from tests.bench.recipes.recipe_table import RECIPES
from tests.bench.recipes.results_table import COLUMNS, Result, as_table, keep, paired_interval, read_results
from tests.runner import tiny_models

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
        yield [Answer(one.id, self.by_wording[one.text.rpartition("with the help of these notes: ")[2]], 10, 0.1)
               for one in questions]

    def _knows(self, question: str, answer: str) -> bool:
        return self.by_wording.get(question, "").startswith(answer)


class _SameOrNot:
    def similarities(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        return [float(answer == reference) for answer, reference in pairs]


def test_the_exam_gives_full_marks_to_a_student_that_knows_every_fact() -> None:
    facts, controls = taught(16), held_out(4)
    scores, answers = examine(_Reciter((*facts, *controls)), None, facts, controls,  # type: ignore[arg-type]
                              _SameOrNot())  # type: ignore[arg-type]
    mean = {name: sum(of.values()) / len(of) for name, of in scores.items()}
    assert set(COLUMNS) <= set(mean) and answers[facts[0].passage.id] == facts[0].reference
    for name in ("choice", "choice_without_altered", "similarity", "opening", "opening_trained", "held_out_choice"):
        assert mean[name] == 1, name
    assert min(mean["recall"], mean["recall_trained"], mean["reading_asked_first"]) > 0.95  # `Never` in code
    assert mean["reading_asked_first_right"] == 1
    assert mean["binding"] == pytest.approx(2.0)
    assert mean["general"] == mean["reverse"] == pytest.approx(0.25)  # it knows nothing of these: ties of four


def test_the_default_recipe_is_what_a_run_does() -> None:
    config, recipe = RunConfig(), RECIPES["default"]
    assert dict(recipe.shares) == pytest.approx(SHARES["questions"]) and recipe.presentations == config.passes == 60
    assert (recipe.learning_rate, recipe.rank, recipe.alpha, recipe.batch, recipe.general, recipe.reading) == (
        config.learning_rate, config.lora_rank, config.lora_alpha, config.batch_size, config.general_replay, 0.0)
    rows = [name for name in RECIPES if name.startswith("default, ")]
    assert len(rows) > 12 and all(RECIPES[name] != recipe for name in rows)


def test_reading_items_take_their_share_of_a_recipe() -> None:
    facts = taught(8)
    examples, _ = examples_of(dataclasses.replace(RECIPES["default, reading 0.3"], presentations=20, general=0.0),
                              facts, (), 1)
    read = [example for example in examples if "\n\nNotes:\n\n" in example.question]
    assert len(read) / len(examples) == pytest.approx(0.3, abs=0.03)


def test_a_known_fact_is_presented_less_often() -> None:
    facts = taught(4)
    weights = {facts[0].passage.id: 0.25}
    examples, _ = examples_of(Recipe({"question": 1.0}, 40), facts, (), 1, weights)
    counted = [sum(one.answer == fact.reference for one in examples) for fact in facts]
    assert counted == [10, 40, 40, 40]


def test_goals_are_met_by_mean_and_interval_and_the_rest_is_named() -> None:
    def scored(name: str, recall: float, general: float, **more: dict[str, float]) -> Result:
        ids = [f"fact {number}" for number in range(8)]
        return Result(name, 1, 8, 1000, 10.0, 0, 0.5, {"recall": dict.fromkeys(ids, recall), **more,
                                                       "general": dict.fromkeys(ids, general)})
    first = {"fact 0": 0.5, "fact 1": 0.5}
    rows = [scored("untrained", 0.0, 0.5), scored("default, placebo", 0.0, 0.45),
            scored("good", 0.7, 0.48, first_recall=first), scored("bad", 0.3, 0.3)]
    lines = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[3:5]]
             for line in goals_table(rows, ["good", "bad"], "default, placebo").splitlines()}
    assert lines["key-term recall, closed book"] == ["0.70 (0.70 to 0.70) met", "0.30 (0.30 to 0.30) missed"]
    assert lines["everyday questions against untrained"][0].endswith(" met")
    assert lines["everyday questions against untrained"][1].endswith(" missed")
    assert lines["everyday questions against the placebo"][1].startswith("-0.15")
    assert lines["first cycle's facts after the last"] == ["140% of 0.50 met", "not measured"]
    assert lines["binding, nats a token"] == ["not measured", "not measured"]


@pytest.mark.slow
def test_the_whole_path_runs_on_a_tiny_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three cycles with weights and reading items: trained, examined, kept and laid out; the scores mean nothing."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from tests.runner.tiny_models import llama_folder, student

    facts, controls = taught(16), held_out(2)
    recipe = dataclasses.replace(RECIPES["default, three cycles"], presentations=1, reading=0.3)
    found = measure(student(llama_folder(tmp_path / "model", context=2048)), _SameOrNot(), "default, three cycles",
                    recipe, 1, facts, controls, REPLAY, tmp_path / "out")  # type: ignore[arg-type]
    assert found.tokens > 0 and set(COLUMNS) <= set(found.scores)
    assert len(found.scores["first_recall"]) == 5 and len(found.scores["reading_asked_first"]) == 2
    keep(tmp_path / "kept.jsonl", found)
    assert lab.main(["default, three cycles", "--facts", "16", "--table", "--goals", "--results",
                     str(tmp_path / "kept.jsonl")]) == 0
    assert "| key-term recall with passages, facts never taught | >= 0.60 | 0" in capsys.readouterr().out


def test_soft_targets_have_the_gradient_of_their_loss() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 80, generator=generator, requires_grad=True)
    labels = torch.tensor([4, 0, 79])
    best = torch.randn(3, 80, generator=generator).topk(soft_targets.TOP, -1)
    targets = (best.indices, (best.values / soft_targets.TEMPERATURE).softmax(-1))
    for given, weight in ((None, 0.5), (targets, 0.5), (targets, 1.0)):
        loss, gradient = soft_targets.mixed_loss(logits, labels, given, weight)
        assert torch.allclose(torch.autograd.grad(loss, logits)[0], gradient.detach(), atol=1e-5)
        assert loss > 0


def test_soft_targets_of_a_student_are_what_it_predicts_with_the_passage(tmp_path: Path) -> None:
    student = tiny_models.student(tiny_models.llama_folder(tmp_path / "tiny"))
    example = TrainingExample("What is a Pod?", "A group of containers.")
    found = soft_targets.soft_targets(student, [example, TrainingExample("And else?", "Nothing.")],
                                      {"A group of containers.": "Pods: a Pod is a group of containers."})
    (ids, (indices, shares)), = found.items()
    assert len(indices) < len(ids) and indices.shape == shares.shape
    assert torch.allclose(shares.sum(1), torch.ones(len(shares)))
    config = TrainingConfig(steps=3, learning_rate=1e-2, batch_size=2, gradient_accumulation=1,
                            gradient_checkpointing=False, lora_rank=2, lora_alpha=4, lora_dropout=0.0,
                            target_modules=DEFAULT_TARGET_MODULES, max_sequence_tokens=128, seed=1, in_order=True)
    losses: list[float] = []
    with soft_targets.training_towards(found, 1.0):
        student.fine_tune([example] * 6, config, None, tmp_path / "soft", lambda step: losses.append(step.loss))
    assert losses[-1] < losses[0]


def test_the_exam_may_ask_the_second_question_instead_and_then_it_is_not_trained(tmp_path: Path) -> None:
    for reserved, second in zip(taught(8), taught(8, SECOND), strict=True):
        assert second.locked in reserved.passage.questions and second.locked not in second.passage.questions
        assert second.locked != reserved.locked and second.passage.questions
    for name, value in ((RESERVED, 0.2), (SECOND, 0.7)):
        keep(tmp_path / "kept", dataclasses.replace(result("off", 1, value), wordings=name))
    assert [(one.wordings, one.scores["choice"]["fact 1"]) for one in read_results(tmp_path / "kept")] == [
        (RESERVED, 0.2), (SECOND, 0.7)]


def test_the_table_of_one_kind_of_wordings_has_no_row_of_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]
                                                                ) -> None:
    keep(tmp_path / "kept", dataclasses.replace(result("off", 1, 0.7), wordings=SECOND))
    for wordings, rows in ((RESERVED, 0), (SECOND, 1)):
        lab.main(["off", "--facts", "8", "--table", "--wordings", wordings, "--results", str(tmp_path / "kept")])
        assert capsys.readouterr().out.count("| off |") == rows
