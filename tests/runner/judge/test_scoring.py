"""What is scored, and what is missing with which reason."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import fakes
import pytest

from runner.judge.scoring import CUT_EARLY, EMPTY, ScoredItem, score_answers
from store.events import AnswerRecord, QuestionRecord, ReferenceRecord
from store.metrics import ANSWER_METRICS

QUESTION = QuestionRecord("q1", "held-out", "pods", "What is a Pod?", "p1", "Pod", "A Pod groups containers.", "a",
                          "A Pod groups containers.", ("containers",))
REFERENCE = ReferenceRecord("q1", "A Pod groups containers.", None, "A Pod groups containers.", (), ())
ANSWER = AnswerRecord("q1", "It groups containers.", None, 4, 0.1, False)
LIMIT = 96


def scored(answer: AnswerRecord = ANSWER, reference: ReferenceRecord = REFERENCE) -> dict[str, tuple[object, object]]:
    told = score_answers(fakes.FakeJudge(), "tuned", [ScoredItem(QUESTION, answer, reference, LIMIT)])
    return {score.metric: (score.value, score.missing) for event in told for score in event.scores}


def test_every_metric_of_the_text_alone_scores_an_answer() -> None:
    found = scored()
    assert set(found) == set(ANSWER_METRICS)
    assert all(isinstance(value, float) and missing is None for value, missing in found.values())


@pytest.mark.parametrize(("changes", "reason"), [
    ({"text": None, "missing": "empty"}, "empty"),
    ({"text": None, "missing": "out of memory"}, "out of memory"),
    ({"text": " \n"}, EMPTY),
    ({"cut_off": True, "tokens": LIMIT - 1}, CUT_EARLY)])
def test_what_cannot_be_scored_is_missing_with_its_reason_and_never_zero(changes: dict[str, object],
                                                                         reason: str) -> None:
    assert set(scored(dataclasses.replace(ANSWER, **changes)).values()) == {(None, reason)}  # type: ignore[arg-type]


def test_an_answer_cut_off_at_the_limit_that_both_arms_share_is_scored_as_it_stands() -> None:
    assert scored(dataclasses.replace(ANSWER, cut_off=True, tokens=LIMIT)) == scored()


def test_without_a_reference_nothing_is_scored() -> None:
    missing = dataclasses.replace(REFERENCE, text=None, missing="the teacher was cut off")
    assert set(scored(reference=missing).values()) == {(None, "no reference: the teacher was cut off")}


def test_without_key_terms_only_the_recall_is_missing() -> None:
    bare = dataclasses.replace(QUESTION, key_terms=())
    told = score_answers(fakes.FakeJudge(), "tuned", [ScoredItem(bare, ANSWER, REFERENCE, LIMIT)])
    assert {s.metric: s.missing for event in told for s in event.scores if s.value is None} == {
        "fact_recall": "the passage names no key terms"}


def test_the_table_of_stages_and_the_commands_load_neither_ragas_nor_torch_nor_openai() -> None:
    """They take seconds and hundreds of megabytes: only the process that judges pays for them."""
    code = ("import sys; import runner.pipeline.pipeline, runner.cli.main, runner.pipeline.rejudge; "
            "import store.costs.judge_cost; "
            "print([name for name in ('ragas', 'openai', 'torch', 'transformers') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
