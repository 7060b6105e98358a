"""The three roles of a cycle, as Protocols, and the plain values that they exchange.

Stages know these and nothing of the libraries behind them; a test can put a small fake in any place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from knowledge.domain import Domain
from knowledge.questions import Question


@dataclass(frozen=True)
class Reference:
    """A teacher's answer to a question, with the span of the passage that it rests on."""

    question_id: str
    text: str | None
    """None where no reference could be had; `missing` then says why."""
    evidence: str
    missing: str | None = None


@dataclass(frozen=True)
class RejectedQuestion:
    """A question that was written and not asked, or a passage that none came for; kept so that people see why."""

    text: str
    """Empty where there was no question at all."""
    topic: str
    tier: str
    passage_id: str
    reason: str


@dataclass(frozen=True)
class Usage:
    """What the calls to a teacher, or to a judge model, came to."""

    calls: int
    """Calls that were made and recorded, those before a restart included."""
    reused: int
    """Calls that this process did not have to make, because their reply was recorded."""
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """At list prices; None where the model's price is not known, or the server did not count every call's tokens."""


class Teacher(Protocol):
    """Asks questions about a knowledge base and writes reference answers."""

    name: str
    """Shown on every page; the offline teacher says in it that references are the passages' own words."""

    @property
    def rejected(self) -> Sequence[RejectedQuestion]:
        """What the latest `ask` wrote and did not use."""
        ...

    def usage(self) -> Usage:
        """Calls, tokens and cost of the run so far."""
        ...

    def ask_questions(self, domain: Domain, topics: Sequence[str], count: int, tier: str, seed: int,
                      exclude: Sequence[Question]) -> list[Question]:
        """Up to `count` validated questions, none a twin of another or of `exclude`; fewer where there are no more."""
        ...

    def write_references(self, domain: Domain, questions: Sequence[Question],
                         on_reference: Callable[[Reference], None]) -> list[Reference]:
        """A reference answer to each question, in order, each told as soon as its turn comes.

        A failure is a Reference with its reason, never an invention.
        """
        ...

    def answer_closed_book(self, domain: Domain, questions: Sequence[Question],
                           on_answer: Callable[[Answer], None]) -> list[Answer]:
        """The teacher's own answers without the passages in sight, in order, each told as soon as its turn comes.

        The offline teacher has no other answer than the reference itself.
        """
        ...


@dataclass(frozen=True)
class GenerationConfig:
    """How answers are generated. `temperature` 0 is greedy."""

    max_new_tokens: int
    temperature: float
    top_p: float
    top_k: int
    repetition_penalty: float
    max_seconds: float
    """The longest that one answer may take."""


@dataclass(frozen=True)
class Answer:
    """A student's answer, exactly as generated (special tokens aside)."""

    question_id: str
    text: str | None
    """None where there is no answer; `missing` then says why (empty, failed ...)."""
    tokens: int
    seconds: float
    """This answer's share of its batch's wall time."""
    missing: str | None = None
    cut_off: bool = False
    """True where the answer ended at the token or time limit, not by itself."""


@dataclass(frozen=True)
class Likelihood:
    """How likely the student finds a given answer to a given question."""

    nll: float
    """Mean negative log-likelihood per token of the answer, its end-of-text token included, in nats."""
    tokens: int
    truncated: bool = False


@dataclass(frozen=True)
class TrainingExample:
    """One training pair."""

    question: str
    answer: str


@dataclass(frozen=True)
class TrainingConfig:
    """How to fine-tune."""

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
    """Steps at which a copy of the adapter as it is then is kept, see `adapter_snapshot_path`."""


def adapter_snapshot_path(adapter: Path, step: int) -> Path:
    """Where a training keeps the copy of its adapter after so many steps."""
    return adapter / f"step-{step:05d}"


@dataclass(frozen=True)
class TrainingStep:
    """What is known after one optimizer step."""

    step: int
    of_steps: int
    loss: float
    learning_rate: float
    tokens: int
    """Training tokens seen so far, padding left out."""
    seconds: float
    """Spent on these tokens, before a restart included."""


@dataclass(frozen=True)
class TrainingResult:
    """What a fine-tuning left behind."""

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
    """Layer names that LoRA really wrapped, e.g. `q_proj`; each with the count: `q_proj x 30`."""
    unmatched_targets: tuple[str, ...]
    """Asked-for names that fit no layer of this student; reported, never dropped in silence."""


@dataclass(frozen=True)
class StudentInfo:
    """What the student is: shown on pages, kept in the record."""

    name: str
    parameters: int
    precision: str
    device: str
    precision_reason: str
    batch_size: int = 0
    """Training examples at a time."""
    threads: int = 0
    weights: str = ""
    """`sha256:` over its weight files, or `commit:` of the hub."""
    plan_index: int = 0
    """Its plan's place in the memory ladder."""


class Student(Protocol):
    """The small model: answers, weighs given answers, learns."""

    info: StudentInfo

    def answer(self, questions: Sequence[Question], decoding: GenerationConfig, seed: int,
               adapter: Path | None) -> Iterator[list[Answer]]:
        """Answers a batch at a time, in any order; `adapter` None is the untrained student.

        Sampled decoding is seeded per question, so baseline and tuned share their luck.
        """
        ...

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None,
                    on_weighed: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
        """For each (question, answer) pair how likely that answer is, in the order given.

        `on_weighed` hears now and then how many were weighed so far; it may raise to stop.
        """
        ...

    def fits_context(self, question: str, answer_tokens: int) -> bool:
        """Whether a question as it would be put leaves room in the context for an answer of so many tokens."""
        ...

    def fine_tune(self, examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, to: Path,
                  on_step: Callable[[TrainingStep], None]) -> TrainingResult:
        """Train a LoRA adapter on the examples, from `start` or anew, and save it in folder `to`.

        Continues from a training checkpoint inside `to` when there is one. `on_step` may raise to stop.
        """
        ...


@dataclass(frozen=True)
class OverlapScores:
    """How many words, and runs of characters, an answer shares with its reference, each 0..1."""

    rouge_l: float
    chrf: float


class StreamingStudent(Student, Protocol):
    """A student that can be listened to while it answers."""

    def stream(self, question: str, decoding: GenerationConfig, seed: int, adapter: Path | None) -> Iterator[str]:
        """One answer, piece by piece as it is made; joined, the pieces are the answer."""
        ...


class Judge(Protocol):
    """Scores answers against references by closeness of meaning and of wording; no model is asked."""

    name: str

    def similarities(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        """For each (answer, reference) their semantic similarity, clipped to 0..1; None where a text is empty."""
        ...

    def overlaps(self, pairs: Sequence[tuple[str, str]]) -> list[OverlapScores | None]:
        """For each (answer, reference) ROUGE-L and chrF; None where a text is empty."""
        ...


@dataclass(frozen=True)
class RetrievalResult:
    """What a search over texts found."""

    ranked: tuple[tuple[int, ...], ...]
    """For each query the places of the best texts, the best first."""
    truncated: int
    """So many texts were longer than the retriever reads."""


class Retriever(Protocol):
    """Finds the texts that are nearest to a question."""

    name: str

    def best(self, queries: Sequence[str], texts: Sequence[str], count: int) -> RetrievalResult:
        """The best so many texts for each query; the same ones for the same arguments."""
        ...
