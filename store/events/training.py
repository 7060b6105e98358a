"""Events of fine-tuning: what it trains on, and the adapter, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class ReplayRecord:
    """An everyday question with the untrained student's own answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class ReplayAnswered(Event, event_type="ReplayAnswered"):
    """The untrained student answered everyday questions, which are mixed into its training so that it forgets less."""

    answers: tuple[ReplayRecord, ...]
    missing: int
    """Number of questions without an answer."""


@dataclass(frozen=True)
class TermCoverage:
    """Number of a fact's study items that contain one of its key terms."""

    term: str
    items: int


@dataclass(frozen=True)
class StudiedFact:
    """A fact that a cycle trains, with its number of study items."""

    passage_id: str
    cycle: int
    """The cycle that taught it first."""
    items: int
    refused: int
    """Items left out because they nearly duplicate a test question."""
    weight: float
    """Presentations relative to a fact of this cycle's own: less for what the student answered well in training's
    wording."""
    uncovered_terms: tuple[str, ...]
    """Key terms that no item contains."""
    coverage: tuple[TermCoverage, ...] = ()
    """One per key term of the passage; empty in runs of before it was counted."""


@dataclass(frozen=True)
class FormRecord:
    """Study items of one form, and how often training presents them."""

    form: str
    items: int
    wordings: int = 0
    """Different wordings among them; 0 in runs of before it was counted, as for the numbers below."""
    presentations: int = 0
    tokens: int = 0
    """Estimated tokens of the presentations, prompts included."""


@dataclass(frozen=True)
class StudySetPrepared(Event, event_type="StudySetPrepared"):
    """The training set of a cycle was made, and the length of its training was decided."""

    file: str
    """JSON lines, one study item each; relative to the run's folder."""
    sha256: str
    facts: tuple[StudiedFact, ...]
    """All facts trained so far, this cycle's last."""
    forms: tuple[FormRecord, ...]
    examples: int
    """Number of examples that training presents, replayed ones included."""
    replayed: int
    """Presentations of everyday questions among them."""
    steps: int
    tokens_per_second: float | None
    """The training speed that a time budget was converted with; None if there was none."""
    notes: tuple[str, ...] = ()
    """What is not as planned, one sentence each: forms that a passage has no material for, facts never presented."""


@dataclass(frozen=True)
class EvaluationRecord:
    """The scores on the development questions of the adapter after `step` steps of a training."""

    step: int
    value: float | None
    """Mean by the metric that chooses the step; None without a scored question."""
    reference_nll: float | None
    """Mean by reference NLL, in nats per token, which decides between equal values."""
    scored: int


@dataclass(frozen=True)
class StepChosen:
    """Which step's adapter a training kept, by its scores on the development questions."""

    step: int
    of_steps: int
    """The steps that the training had before it."""
    metric: str
    stopped_early: bool
    evaluations: tuple[EvaluationRecord, ...]


@dataclass(frozen=True)
class AdapterTrained(Event, event_type="AdapterTrained"):
    """Fine-tuning produced an adapter."""

    adapter: str
    """Folder relative to the run's folder."""
    sha256: str
    continued_from: str | None
    steps: int
    seconds: float
    tokens: int
    first_loss: float
    last_loss: float
    trainable_parameters: int
    matched_modules: tuple[str, ...]
    unmatched_targets: tuple[str, ...]
    cut: int | None = None
    """Examples that were longer than the longest sequence: the end of their answer was not trained. Like below: None in
    runs that did not count them."""
    left_out: int | None = None
    """Examples whose prompt alone was as long, or that had no answer: not trained at all."""
    chosen: StepChosen | None = None
    """Which of the steps the adapter is of; None: the last one, since none was chosen."""


@dataclass(frozen=True)
class AdapterMissing(Event, event_type="AdapterMissing"):
    """This cycle has no adapter, because fine-tuning was off or failed; whatever needs one is missing for `reason`."""

    reason: str
    failed: bool
