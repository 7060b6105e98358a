"""Small fakes of the real roles with the same Protocols: quick, deterministic, and able to fail on demand."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from knowledge.domain import Domain, domain_of
from knowledge.questions import Question
from runner.pipeline.stage_checkpoints import ADAPTER_FILES
from runner.pipeline.resources import RunResources
from runner.protocols import (
    Answer, GenerationConfig, Likelihood, OverlapScores, RetrievalResult, StudentInfo, TrainingConfig, TrainingExample,
    TrainingResult, TrainingStep, adapter_snapshot_path,
)
from runner.teacher.offline_teacher import OfflineTeacher
from store.run_config import RunConfig


LONG = 1000
"""More optimizer steps than this are meant to last."""


def digest(*parts: object) -> float:
    """Return a deterministic number in 0..1 for the parts."""
    return int(hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


class FakeStudent:
    """Answers with words of the question; knows only what it was trained on."""

    info = StudentInfo("fake student", 7, "fp32", "cpu", "a fake needs no more")

    def __init__(self, fail: Callable[[str], None] = lambda _where: None) -> None:
        self._fail = fail

    def answer(self, questions: Sequence[Question], decoding: GenerationConfig, seed: int,
               adapter: Path | None) -> Iterator[list[Answer]]:
        known = self._known(adapter)
        for start in range(0, len(questions), 4):
            self._fail("answer")
            yield [Answer(q.id, known.get(q.text, f"I think {q.text}"), len(q.text.split()), 0.01)
                   for q in questions[start:start + 4]]

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None,
                    on_scored: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
        self._fail("likelihoods")
        known = self._known(adapter)
        return [Likelihood(1.0 if known.get(q) == a else 2.0 + digest(q, a) - bool(adapter) * 0.5, len(a.split()))
                for q, a in pairs]

    def fits_context(self, question: str, answer_tokens: int) -> bool:
        return len(question.split()) <= 400

    def fine_tune(self, examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, to: Path,
                  on_step: Callable[[TrainingStep], None], until: int | None = None) -> TrainingResult:
        last = recipe.steps if until is None else until
        before = max((step for step in recipe.keep_at if adapter_snapshot_path(to, step).exists()), default=0)
        for step in range(before + 1, last + 1):
            self._fail("fine_tune")
            if recipe.steps > LONG:
                time.sleep(0.002)  # a training that is to be interrupted, not a flood of writes
            on_step(TrainingStep(step, recipe.steps, 3.0 / step, recipe.learning_rate, step * 10, step * 0.001))
        known = self._known(start) | {e.question: e.answer for e in examples}
        saved = to if until is None else adapter_snapshot_path(to, until)
        for folder in (saved, *(adapter_snapshot_path(to, step) for step in recipe.keep_at if step <= last)):
            folder.mkdir(parents=True, exist_ok=True)
            for name in ADAPTER_FILES:
                (folder / name).write_text(json.dumps(known, sort_keys=True))
        return TrainingResult(str(saved), hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest(), last,
                              0.1, last * 10, 3.0, 3.0 / last, 7, ("fake x 1",), ())

    def _known(self, adapter: Path | None) -> dict[str, str]:
        return json.loads((adapter / "adapter_config.json").read_text()) if adapter else {}


class FakeRetriever:
    """Ranks by shared word stems."""

    name = "fake retriever"

    def best(self, queries: Sequence[str], texts: Sequence[str], count: int) -> RetrievalResult:
        stems = [{word[:5].casefold() for word in text.split()} for text in texts]
        wanted = [{word[:5].casefold() for word in query.split()} for query in queries]
        return RetrievalResult(tuple(tuple(sorted(range(len(texts)), key=lambda at: -len(stems[at] & words))[:count])
                                     for words in wanted), truncated=0)


class FakeJudge:
    """Scores by shared words."""

    name = "fake judge"

    def similarities(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        return [len(set(a.split()) & set(b.split())) / max(1, len(set(b.split()))) if a and b else None
                for a, b in pairs]

    def overlaps(self, pairs: Sequence[tuple[str, str]]) -> list[OverlapScores | None]:
        return [None if value is None else OverlapScores(value, value) for value in self.similarities(pairs)]


@cache
def small_domain() -> Domain:
    """The notes of three topics, read once."""
    from knowledge.kubernetes.notes import read_notes

    return domain_of("Kubernetes v1.28", [p for p in read_notes() if p.topic in ("pods", "services", "jobs")])


def fake_resources(config: RunConfig, run: str, store: object, paths: object, journal: object,
                   fail: Callable[[str], None] = lambda _where: None,
                   domain: Callable[[], Domain] = small_domain) -> RunResources:
    """Run resources with the real offline teacher, and fakes for everything that needs a model."""
    return RunResources(open_domain=domain, open_teacher=OfflineTeacher, open_student=lambda rung: FakeStudent(fail),
                        open_judge=FakeJudge, open_retriever=FakeRetriever)
