"""RAGAS metrics over our encoder and over a judge model; the only module that imports ragas.

RAGAS's formulas and prompts run unchanged; limits, timeouts, retries and the response cache are ours
(`llm_judge.py`, and the client of `runner/llm/factory.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # before the import: ragas posts telemetry inside its calls otherwise

import numpy as np
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.llms.base import InstructorBaseRagasLLM
from ragas.metrics.collections import (
    AnswerRelevancy, CHRFScore, FactualCorrectness, Faithfulness, RougeScore, SemanticSimilarity,
)

from knowledge.languages import tokens
from runner.judge.errors import typed_metric_errors
from runner.judge.protocols import JudgedAnswer
from runner.judge.sentence_encoder import Encoder, bundled_encoder
from runner.judge.judge_requests import build_request, parse_reply
from runner.llm.chat import Chat
from runner.llm.errors import CallPostponed, TeacherError, UnreadableReply
from runner.protocols import OverlapScores
from store.costs.judge_cost import MAX_ATTEMPTS

_MAX_CACHED_TEXTS = 2048  # 384 floats each: 3 MB
Vector = np.ndarray[Any, np.dtype[np.float32]]
ScoreFunction = Callable[[JudgedAnswer], Awaitable[float]]


class CachedEmbedding(BaseRagasEmbedding):
    """Our encoder as a ragas embedding; texts are encoded in batches beforehand, then looked up."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.known: dict[str, Vector] = {}
        self.single: dict[str, Vector] = {}

    def prepare(self, references: Sequence[str], answers: Sequence[str]) -> None:
        """Encode the texts of one call, and drop those of earlier calls.

        A vector's last bits depend on the batch that its text was in. Kept from call to call, they would make a score
        depend on what this process judged before, and a run that was resumed differ from an undisturbed one.
        """
        texts = list(dict.fromkeys((*references, *answers)))
        self.known = dict(zip(texts, self.encoder.encode(texts).vectors, strict=True))

    def embed_text(self, text: str, **_: Any) -> list[float]:
        vector = self.known.get(text, self.single.get(text))
        if vector is None:
            if len(self.single) > _MAX_CACHED_TEXTS:
                self.single.clear()
            vector = self.single[text] = self.encoder.encode([text]).vectors[0]
        return vector.tolist()

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        return self.embed_text(text)


class RagasJudge:
    """Implements `runner.protocols.Judge` with RAGAS's SemanticSimilarity, RougeScore and CHRFScore; no LLM."""

    def __init__(self, encoder: Encoder | None = None) -> None:
        self.embedding = CachedEmbedding(encoder or bundled_encoder())
        self.metric = SemanticSimilarity(embeddings=self.embedding)
        self.name = f"RAGAS semantic similarity, {self.embedding.encoder.name}"

    def similarities(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        """Clipped to 0..1. An empty text has no score: ragas would give two empty ones a 1."""
        full = [pair for pair in pairs if _full(pair)]
        self.embedding.prepare([reference for _, reference in full], [answer for answer, _ in full])
        with typed_metric_errors("semantic similarity"):
            scores = iter(asyncio.run(_similar(self.metric, full)))
        return [next(scores) if _full(pair) else None for pair in pairs]

    def overlaps(self, pairs: Sequence[tuple[str, str]]) -> list[OverlapScores | None]:
        """ROUGE-L (F measure, stemmed) and chrF. An empty text has no score: ragas would give it a 0."""
        full = [pair for pair in pairs if _full(pair)]
        with typed_metric_errors("ROUGE-L or chrF"):
            scores = iter(asyncio.run(_overlapping(full)))
        return [next(scores) if _full(pair) else None for pair in pairs]

    def cut(self, texts: Sequence[str]) -> tuple[bool, ...]:
        """Which texts are longer than the encoder reads, so that only their beginning is compared."""
        return self.embedding.encoder.encode(texts).cut


def _full(pair: tuple[str, str]) -> bool:
    return all(text.strip() for text in pair)


async def _similar(metric: Any, pairs: Sequence[tuple[str, str]]) -> list[float]:
    results = [await metric.ascore(reference=reference, response=answer) for answer, reference in pairs]
    return [_clipped(result.value) for result in results]


async def _overlapping(pairs: Sequence[tuple[str, str]]) -> list[OverlapScores]:
    rouge, chrf = RougeScore(rouge_type="rougeL", mode="fmeasure"), CHRFScore()
    return [OverlapScores(_clipped((await rouge.ascore(reference=for_rouge(reference), response=for_rouge(answer)))
                                   .value),
                          _clipped((await chrf.ascore(reference=reference, response=answer)).value))
            for answer, reference in pairs]


def for_rouge(text: str) -> str:
    """A text as ROUGE's tokenizer can read it, which knows the letters a to z only: every word with other letters is
    written as a number, and so is each character of a script without blanks between words."""
    if text.isascii():
        return text
    return " ".join(token if token.isascii() else "".join(f"{ord(char):07d}" for char in token)
                    for token in tokens(text))


def _clipped(value: float) -> float:
    """Clipped to 0..1; NaN stays NaN, which callers record as missing."""
    return value if value != value else min(1.0, max(0.0, float(value)))


# --- a judge model ---------------------------------------------------------------------------------------

@dataclass
class ScoreContext:
    """Which score is being computed: distinguishes cached calls with equal prompts."""

    metric: str
    again: str = ""
    """Not empty for a retest, which must not find the first test's cached replies."""
    asked: Counter[str] = field(default_factory=Counter)
    repeats: int = 1
    """How often the metric asks each of its prompts."""


SCORE_CONTEXT: ContextVar[ScoreContext] = ContextVar("asking")
"""Set by the caller, in each score's own task."""


class ChatLLM(InstructorBaseRagasLLM):
    """Our chat client as a ragas LLM. Calls run in threads, so that the event loop stays free."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def generate(self, prompt: str, response_model: Any) -> Any:
        """The reply as an instance of `response_model`.

        Raises:
            TeacherError: the call failed, or no reply of `MAX_ATTEMPTS` could be read.
        """
        context = SCORE_CONTEXT.get()
        context.asked[prompt] += 1
        try:
            return self._reply(prompt, response_model, context, context.asked[prompt])
        except CallPostponed:
            for number in range(context.asked[prompt] + 1, context.repeats + 1):  # for the same batch
                with contextlib.suppress(TeacherError):
                    self._reply(prompt, response_model, context, number)
            raise

    def _reply(self, prompt: str, response_model: Any, context: ScoreContext, number: int) -> Any:
        item = " ".join(part for part in (context.again, str(number)) if part)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            reply = self._chat.complete(build_request(prompt, response_model, context.metric, item, attempt))
            try:
                return parse_reply(response_model, reply)
            except UnreadableReply:
                if attempt == MAX_ATTEMPTS:
                    raise
        raise AssertionError("MAX_ATTEMPTS is at least 1")

    async def agenerate(self, prompt: str, response_model: Any) -> Any:
        return await asyncio.to_thread(self.generate, prompt, response_model)


def model_metrics(chat: Chat, encoder: Encoder | None = None) -> dict[str, ScoreFunction]:
    """RAGAS's judge metrics by our names, each a coroutine function from an answer to its score (NaN where none)."""
    llm = ChatLLM(chat)
    relevancy = AnswerRelevancy(llm=llm, embeddings=CachedEmbedding(encoder or bundled_encoder()))
    correctness, faithfulness = FactualCorrectness(llm=llm), Faithfulness(llm=llm)
    second_half = FactualCorrectness(llm=llm, mode="precision")

    async def answer_relevancy(item: JudgedAnswer) -> float:
        SCORE_CONTEXT.get().repeats = relevancy.strictness
        return _clipped((await relevancy.ascore(user_input=item.question, response=item.answer)).value)

    async def collect_second_half(item: JudgedAnswer) -> None:
        """Collect the calls of a score's second half, its first with the texts exchanged, for the same batch.

        Between equal texts, the second half repeats the first one's calls: they are counted on.
        """
        context = SCORE_CONTEXT.get()
        if item.answer != item.reference:
            SCORE_CONTEXT.set(ScoreContext(context.metric, context.again))
        elif max(context.asked.values()) > 1:
            return  # the second half had begun
        with contextlib.suppress(TeacherError):
            await second_half.ascore(response=item.reference, reference=item.answer)

    async def factual_correctness(item: JudgedAnswer) -> float:
        try:
            return _clipped((await correctness.ascore(response=item.answer, reference=item.reference)).value)
        except CallPostponed:
            await collect_second_half(item)
            raise

    async def faithful(item: JudgedAnswer) -> float:
        result = await faithfulness.ascore(user_input=item.question, response=item.answer,
                                           retrieved_contexts=[item.passage])
        return _clipped(result.value)

    return {"answer_relevancy": answer_relevancy, "factual_correctness": factual_correctness,
            "faithfulness": faithful}
