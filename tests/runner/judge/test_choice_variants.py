"""Binding sees knowledge and no style; multiple choice is read with, by and without what is likely anyhow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.distractors import FOREIGN
from runner.judge.choice_variants import (
    Likelihoods, binding, choice_pmi, choice_prior, choice_unaltered, other_questions,
)
from runner.pipeline.worker import execute_claimed_run
from runner.protocols import Likelihood
from store import commands, queries
from store.analysis.choice_baselines import baselines_of
from store.database import Store
from store.event_log import leases
from store.events import QuestionRecord
from store.metrics import HEADLINE_TEST_METRICS
from store.paths import Paths
from store.presets import preset


def question(name: str, topic: str = "pods", passage: str = "", tier: str = "paraphrase") -> QuestionRecord:
    return QuestionRecord(name, tier, topic, f"Which is {name}?", passage or f"passage of {name}", "", "", "", "", ())


def test_binding_is_what_the_own_question_adds() -> None:
    assert binding(Likelihoods([1.0], [], [2.0, 2.5, 3.0])) == pytest.approx(1.5)
    assert binding(Likelihoods([1.0], [], [])) is None


def test_a_text_that_is_likely_anyhow_is_no_choice_of_the_question() -> None:
    # The first distractor is always the likeliest; only the reference becomes likelier by the question.
    found = Likelihoods([2.0, 1.5, 3.0, 3.0], [3.0, 1.5, 3.0, 3.0], [])
    assert choice_pmi(found) == 1 and choice_prior(found) == 0


def test_the_altered_copy_is_left_out_where_there_is_one() -> None:
    rules = (FOREIGN, FOREIGN, "number changed")
    assert choice_unaltered([2.0, 3.0, 3.0, 1.0], rules) == 1
    assert choice_unaltered([2.0, 1.0, 3.0, 3.0], rules) == 0
    assert choice_unaltered([2.0, 3.0, 3.0, 3.0], ("false",) * 3) is None


def test_other_questions_share_tier_and_topic_but_not_the_passage_and_are_the_same_each_time() -> None:
    own = question("a")
    test = [own, question("same fact", passage=own.passage_id), question("elsewhere", "jobs"),
            question("practised", tier="practice"), *(question(f"near {n}") for n in range(6))]
    found = other_questions(own, test)
    assert len(found) == 3 and all(one.text.startswith("Which is near") for one in found)
    assert other_questions(own, test) == found
    assert other_questions(own, test[:5]) == [test[4]] and other_questions(own, test[:4]) == []


class ToldStudent(fakes.FakeStudent):
    """A student whose likelihoods follow a rule: (prompt, text, has an adapter) -> nats per token."""

    def __init__(self, rule: Callable[[str, str, bool], float]) -> None:
        super().__init__()
        self._rule = rule

    def likelihoods(self, pairs: Any, adapter: Path | None, on_scored: Any = lambda _so_far: None) -> list[Likelihood]:
        assert len(set(pairs)) == len(pairs)  # no likelihood is computed twice
        return [Likelihood(self._rule(prompt, text, adapter is not None), 9) for prompt, text in pairs]


def scored(store: Store, data: Path, rule: Callable[[str, str, bool], float]) -> list[queries.AnswerPair]:
    """The taught questions of a run with such a student."""
    config = preset("embedded", topics=("pods", "services"), questions=8, held_out=4, steps=2, passes=None)
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())

    def resources(*given: Any) -> Any:
        found = fakes.fake_resources(*given)
        found.open_student = lambda _rung: ToldStudent(rule)
        return found
    assert claim and execute_claimed_run(claim, Paths(data, store.url), resources) == 0
    pairs = queries.answers_of(store, run, 1)
    assert all(set(HEADLINE_TEST_METRICS) <= set(pair.scores) for pair in pairs if pair.tier == "paraphrase")
    assert not any(set(HEADLINE_TEST_METRICS) & set(pair.scores) for pair in pairs if pair.tier != "paraphrase")
    changes = queries.changes_of(store, run, 1)
    assert {row.tier for row in changes if row.metric == "binding"} == {"paraphrase"}
    return [pair for pair in pairs if pair.tier == "paraphrase"]


def test_style_alone_leaves_binding_at_zero_and_lowers_the_likelihood(store: Store, tmp_path: Path) -> None:
    pairs = scored(store, tmp_path, lambda _prompt, text, tuned: 3.0 - tuned + len(text) / 1000)
    changes = [pair.change("binding") for pair in pairs]
    assert all(change == pytest.approx(0) for change in changes)
    assert all(pair.change("reference_nll") == pytest.approx(-1) for pair in pairs)


def test_knowledge_of_the_own_question_is_seen(store: Store, tmp_path: Path) -> None:
    known: dict[str, str | None] = {}

    def rule(prompt: str, text: str, tuned: bool) -> float:
        if not known:
            known.update({pair.text: pair.reference
                          for pair in queries.answers_of(store, queries.all_runs(store)[0].id, 0)})
        return 1.0 if tuned and prompt and known.get(prompt) == text else 3.0
    pairs = scored(store, tmp_path, rule)
    assert {pair.scores["binding"] for pair in pairs} == {(0.0, 2.0)}
    assert all(pair.scores["choice_pmi"][1] == 1 for pair in pairs)


def test_a_test_that_length_alone_passes_says_so() -> None:
    texts = [(f"a much longer reference {n}", ["short", "brief", "tiny"]) for n in range(30)]
    longest, shortest, prior = baselines_of(texts, [(0.0, None)] * 30)
    assert longest.accuracy == 1 and "picking the longest text is right on 1.00 of 30 questions" in longest.finding
    assert shortest.accuracy == prior.accuracy == 0 and not shortest.finding
    even = [("same", ["four", "size", "text"])] * 30
    assert [one.accuracy for one in baselines_of(even, [])] == [0.25, 0.25] and not baselines_of(even, [])[0].finding
    assert baselines_of([(None, ["a", "b", "c"]), ("one", ["two"])], []) == []
