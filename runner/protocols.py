"""Protocols of teacher, student, judge and retriever, and the plain values that they exchange.

Stages depend on these only, not on the libraries behind them; tests use small fakes instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from knowledge.domain import Domain
from knowledge.passages import Passage
from knowledge.questions import ANY_PASSAGE, PassageChoice, Question
from knowledge.study import WrittenFact


@dataclass(frozen=True)
class Reference:
    """A teacher's reference answer, with the span of the passage that supports it."""

    question_id: str
    text: str | None
    """None if there is no reference; `missing` then gives the reason."""
    evidence: str
    missing: str | None = None


@dataclass(frozen=True)
class RejectedQuestion:
    """A generated question that was not used, or a passage without any question; recorded with the reason."""

    text: str
    """Empty if there was no question at all."""
    topic: str
    tier: str
    passage_id: str
    reason: str


@dataclass(frozen=True)
class Usage:
    """Calls, tokens and cost of a teacher or an LLM judge."""

    calls: int
    """Calls made and recorded, including those before a restart."""
    reused: int
    """Calls that this process did not make, because their response was cached."""
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """At list prices; None if the model's price is unknown, or the server did not report the tokens of every call."""
    reasoning_tokens: int = 0
    """Those of the completion tokens that the server reported as reasoning."""
    cached_prompt_tokens: int = 0
    """Those of the prompt tokens that the server had cached, at their lower price."""


@dataclass(frozen=True)
class RefusedText:
    """A text that a teacher wrote about a passage and that failed a check."""

    passage_id: str
    text: str
    reason: str


@dataclass(frozen=True)
class PassageFacts:
    """The facts of a passage as a teacher wrote them, after their checks."""

    passage_id: str
    facts: tuple[WrittenFact, ...]
    refused: tuple[RefusedText, ...]
    missing: str | None = None
    """Why there is no fact; None if there is one."""


class Teacher(Protocol):
    """Generates questions about the documents, and writes reference answers."""

    name: str
    """Shown on every page; the offline teacher's states that references are quoted from the passages."""

    @property
    def rejected(self) -> Sequence[RejectedQuestion]:
        """The questions that the latest `ask_questions` generated and did not use."""
        ...

    def usage(self) -> Usage:
        """Return calls, tokens and cost of the run so far."""
        ...

    def ask_questions(self, domain: Domain, topics: Sequence[str], count: int, tier: str, seed: int,
                      exclude: Sequence[Question], on_progress: Callable[[int], None],
                      choice: PassageChoice = ANY_PASSAGE) -> list[Question]:
        """Return up to `count` validated questions, no near-duplicates of each other or of `exclude`; else fewer.

        Args:
            on_progress: called with the number accepted so far after every call, when `rejected` is up to date too.
            choice: the passages to ask about.
        """
        ...

    def write_references(self, domain: Domain, questions: Sequence[Question],
                         on_reference: Callable[[Reference], None]) -> list[Reference]:
        """Return a reference answer to each question, in order; each is also passed to `on_reference` when ready.

        A failure is a Reference with its reason, never an invented text.
        """
        ...

    def write_facts(self, domain: Domain, passages: Sequence[Passage],
                    on_written: Callable[[PassageFacts], None]) -> list[PassageFacts]:
        """Return the facts of each passage in many wordings, in order; each is also passed to `on_written` when ready.

        A passage without any has the reason.
        """
        ...

    def answer_closed_book(self, domain: Domain, questions: Sequence[Question],
                           on_answer: Callable[[Answer], None]) -> list[Answer]:
        """Return closed-book answers (without the passages), in order; each is also passed to `on_answer` when ready.

        The offline teacher's only answer is the reference itself.
        """
        ...


@dataclass(frozen=True)
class GenerationConfig:
    """Generation parameters. `temperature` 0 is greedy decoding."""

    max_new_tokens: int
    temperature: float
    top_p: float
    top_k: int
    repetition_penalty: float
    max_seconds: float
    """Time limit of one answer."""
    penalize_end: bool = True
    """Whether the repetition penalty is for tokens that end an answer too, where the prompt holds them."""


@dataclass(frozen=True)
class Answer:
    """A student's answer, exactly as generated (without special tokens)."""

    question_id: str
    text: str | None
    """None if there is no answer; `missing` then gives the reason (empty, failed ...)."""
    tokens: int
    seconds: float
    """This answer's share of its batch's wall time; of a chat teacher's its call's; 0 where it was not timed."""
    missing: str | None = None
    cut_off: bool = False
    """True if the answer was truncated at the token or time limit."""


@dataclass(frozen=True)
class Likelihood:
    """Log-likelihood of a given answer to a given question under the student."""

    nll: float
    """Mean negative log-likelihood per answer token, including the end-of-text token, in nats."""
    tokens: int
    truncated: bool = False


@dataclass(frozen=True)
class TrainingExample:
    """One (question, answer) training pair, or a document."""

    question: str
    """Empty for a document: the answer alone is the text, without the prompt template, and every token is learned."""
    answer: str
    complete: bool = True
    """Whether the answer ends here, with the end-of-text token; False for the opening of a longer answer."""


@dataclass(frozen=True)
class TrainingConfig:
    """Hyperparameters of one fine-tuning."""

    steps: int
    learning_rate: float
    batch_size: int
    gradient_accumulation: int
    gradient_checkpointing: bool
    lora_rank: int
    lora_alpha: int
    lora_dropout: float
    target_modules: tuple[str, ...]
    max_sequence_tokens: int
    seed: int
    keep_at: tuple[int, ...] = ()
    """Steps after which an adapter snapshot is saved, see `adapter_snapshot_path`."""
    in_order: bool = False
    """Whether the examples are shown in the order given; else each epoch shuffles them by the seed."""


def adapter_snapshot_path(adapter: Path, step: int) -> Path:
    """Return the folder of the adapter snapshot after `step` steps."""
    return adapter / f"step-{step:05d}"


@dataclass(frozen=True)
class TrainingStep:
    """Metrics after one optimizer step."""

    step: int
    of_steps: int
    loss: float
    learning_rate: float
    tokens: int
    """Training tokens so far, without padding."""
    seconds: float
    """Seconds spent on these tokens, including those before a restart."""


@dataclass(frozen=True)
class TrainingResult:
    """The result of a fine-tuning."""

    adapter: str
    """Folder of the saved adapter (PEFT safetensors)."""
    adapter_sha256: str
    steps: int
    seconds: float
    tokens: int
    first_loss: float
    last_loss: float
    trainable_parameters: int
    matched_modules: tuple[str, ...]
    """Names of the layers that LoRA wrapped, with their count, e.g. `q_proj x 30`."""
    unmatched_targets: tuple[str, ...]
    """Configured target modules that match no layer of this student; reported, not silently dropped."""
    cut: int = 0
    """Examples that were longer than the longest sequence, so that the end of their answer was not trained."""
    left_out: int = 0
    """Examples that were not trained at all: the prompt alone was as long, or there was no answer."""


@dataclass(frozen=True)
class StudentInfo:
    """Description of the loaded student; shown on pages and recorded."""

    name: str
    parameters: int
    precision: str
    device: str
    precision_reason: str
    batch_size: int = 0
    """Training examples per forward pass."""
    threads: int = 0
    weights: str = ""
    """Fingerprint of the weights: `sha256:` of the weight files, or `commit:` of the hub."""
    plan_index: int = 0
    """Index of its plan in the memory ladder."""


class Student(Protocol):
    """The small model: generates answers, scores given answers by likelihood, is fine-tuned."""

    info: StudentInfo

    def answer(self, questions: Sequence[Question], decoding: GenerationConfig, seed: int,
               adapter: Path | None) -> Iterator[list[Answer]]:
        """Yield answers batch by batch, in any order; `adapter` None is the base student.

        Sampling is seeded per question (common random numbers for baseline and fine-tuned student).
        """
        ...

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None,
                    on_scored: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
        """Return the likelihood of the answer of each (question, answer) pair, in the order given.

        `on_scored` is called now and then with the number of pairs scored so far; it may raise to stop.
        """
        ...

    def fits_context(self, question: str, answer_tokens: int) -> bool:
        """Return whether the prompt of a question leaves room in the context for `answer_tokens` tokens."""
        ...

    def fine_tune(self, examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, to: Path,
                  on_step: Callable[[TrainingStep], None], until: int | None = None) -> TrainingResult:
        """Train a LoRA adapter on the examples, from adapter `start` or from scratch, and save it in folder `to`.

        Resumes from a training checkpoint inside `to` if there is one. `on_step` may raise to stop. With `until`, one
        of `recipe.keep_at`, training stops after that step and the result is its snapshot; a later call goes on.
        """
        ...


@dataclass(frozen=True)
class OverlapScores:
    """Word and character n-gram overlap of an answer with its reference, each 0..1."""

    rouge_l: float
    chrf: float


class StreamingStudent(Student, Protocol):
    """A student that can stream its answers."""

    def stream(self, question: str, decoding: GenerationConfig, seed: int, adapter: Path | None) -> Iterator[str]:
        """Yield one answer piece by piece while it is generated; joined, the pieces are the answer."""
        ...


class Judge(Protocol):
    """Scores answers against references by embedding similarity and text overlap; calls no LLM."""

    name: str

    def similarities(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        """Return the semantic similarity of each (answer, reference), clipped to 0..1; None if a text is empty."""
        ...

    def overlaps(self, pairs: Sequence[tuple[str, str]]) -> list[OverlapScores | None]:
        """Return ROUGE-L and chrF of each (answer, reference); None if a text is empty."""
        ...


@dataclass(frozen=True)
class RetrievalResult:
    """The result of a search over texts."""

    ranked: tuple[tuple[int, ...], ...]
    """For each query the indices of the best texts, best first."""
    truncated: int
    """Number of texts that were truncated to the retriever's maximum length."""


class Retriever(Protocol):
    """Ranks texts by relevance to a query."""

    name: str

    def best(self, queries: Sequence[str], texts: Sequence[str], count: int) -> RetrievalResult:
        """Return the best `count` texts for each query; deterministic."""
        ...
