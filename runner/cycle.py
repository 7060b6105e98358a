"""START HERE. The cycle as a table: every stage, who does it, what it reads; top to bottom, as it happens.

The loop that walks it is `runner/execution.py`; what a stage promises stands in `runner/stage.py`.

Each stage writes one artifact under its own name. In `reads`,
`name` is this cycle's (or the run's own) artifact, `name@earlier` that of every earlier cycle, `name@every` that of
every cycle, and `name@last` that of the last one. A row with a `when` is in the runs whose configuration asks for it;
elsewhere it is neither run nor read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from runner.stage import Fallback, StageFunction
from runner.stages import arm_answers
from runner.stages.answers import baseline, tuned, without_answers
from runner.stages.arm_answers import without_arm, without_found
from runner.stages.arm_comparison import arm_comparison
from runner.stages.arm_evaluation import evaluate_arms, without_arm_scores
from runner.stages.comparison import comparison
from runner.stages.evaluation import evaluate_baseline, evaluate_tuned, without_scores
from runner.stages.final_report import final_report
from runner.stages.fine_tune import fine_tune, without_adapter
from runner.stages.general import general
from runner.stages.held_out import held_out
from runner.stages.judge_audit import judge_audit, without_audit
from runner.stages.learning_curve import learning_curve, without_curve
from runner.stages.placebo import placebo_fine_tune
from runner.stages.questions import practice_questions
from runner.stages.references import references
from store.arms import ARMS, FEW_SHOT, PLACEBO, RETRIEVAL, TEACHER, TUNED_RETRIEVAL
from store.config import RunConfig
from store.events import FlowRow

RUN_STARTS, EVERY_CYCLE, RUN_ENDS = "run starts", "every cycle", "run ends"


@dataclass(frozen=True)
class Row:
    """One stage. `instead` tells what stands in its place when it cannot be done; without it the run fails."""

    phase: str
    stage: str
    doer: str
    title: str
    run: StageFunction
    reads: tuple[str, ...]
    instead: Fallback | None = None
    when: Callable[[RunConfig], bool] = lambda _config: True
    """Whether a run of this configuration goes through the row at all."""


def _arm(*names: str) -> Callable[[RunConfig], bool]:
    """The runs that ask for any of these control arms."""
    return lambda config: bool(set(names) & set(config.arms))


FLOW: tuple[Row, ...] = (
    Row(RUN_STARTS, "held-out", "teacher", "Ask the held-out test", held_out, ()),
    Row(RUN_STARTS, "general", "project", "Take the everyday questions", general, (),
        when=lambda config: config.general > 0),
    Row(RUN_STARTS, "judge-audit", "judge", "Put the judges on trial", judge_audit, ("held-out",), without_audit),
    Row(RUN_STARTS, "held-out-baseline", "student", "Untrained answers to the test", baseline, ("held-out", "general"),
        partial(without_answers, "baseline")),
    Row(RUN_STARTS, "held-out-baseline-evaluation", "judge", "Score the untrained test answers", evaluate_baseline,
        ("held-out", "general", "held-out-baseline"), partial(without_scores, "baseline")),
    Row(RUN_STARTS, "teacher-answers", "teacher", "The teacher answers the test", arm_answers.teacher, ("held-out",),
        partial(without_arm, TEACHER), when=_arm(TEACHER)),

    Row(EVERY_CYCLE, "questions", "teacher", "Ask practice questions", practice_questions,
        ("held-out", "questions@earlier")),
    Row(EVERY_CYCLE, "baseline", "student", "Untrained answers", baseline, ("questions",),
        partial(without_answers, "baseline")),
    Row(EVERY_CYCLE, "references", "teacher", "Write reference answers", references, ("questions",)),
    Row(EVERY_CYCLE, "baseline-evaluation", "judge", "Score the untrained answers", evaluate_baseline,
        ("questions", "references", "baseline"), partial(without_scores, "baseline")),
    Row(EVERY_CYCLE, "fine-tune", "trainer", "Fine-tune the student", fine_tune,
        ("questions", "references", "fine-tune@earlier"), without_adapter),
    Row(EVERY_CYCLE, "placebo-fine-tune", "trainer", "Train the placebo", placebo_fine_tune,
        ("questions", "references", "placebo-fine-tune@earlier"), without_adapter, when=_arm(PLACEBO)),
    Row(EVERY_CYCLE, "tuned", "student", "Tuned answers", tuned, ("questions", "held-out", "general", "fine-tune"),
        partial(without_answers, "tuned")),
    Row(EVERY_CYCLE, "tuned-evaluation", "judge", "Score the tuned answers", evaluate_tuned,
        ("questions", "held-out", "general", "references", "fine-tune", "tuned"), partial(without_scores, "tuned")),
    Row(EVERY_CYCLE, "learning-curve", "judge", "Weigh the test along the training", learning_curve,
        ("held-out", "held-out-baseline-evaluation", "fine-tune", "tuned-evaluation"), without_curve,
        when=lambda config: config.learning_curve),
    Row(EVERY_CYCLE, "comparison", "statistics", "Compare before and after", comparison,
        ("questions", "held-out", "general", "held-out-baseline-evaluation", "baseline-evaluation", "fine-tune",
         "tuned-evaluation")),

    Row(RUN_ENDS, "retrieve", "retriever", "Search passages for the test", arm_answers.retrieve, ("held-out",),
        without_found, when=_arm(RETRIEVAL, TUNED_RETRIEVAL)),
    Row(RUN_ENDS, "few-shot", "student", "Answers after examples", arm_answers.few_shot,
        ("held-out", "questions@every", "references@every"), partial(without_arm, FEW_SHOT), when=_arm(FEW_SHOT)),
    Row(RUN_ENDS, "retrieval", "student", "Answers after passages", arm_answers.retrieval, ("held-out", "retrieve"),
        partial(without_arm, RETRIEVAL), when=_arm(RETRIEVAL)),
    Row(RUN_ENDS, "tuned-retrieval", "student", "Tuned answers after passages", arm_answers.tuned_retrieval,
        ("held-out", "retrieve", "fine-tune@last"), partial(without_arm, TUNED_RETRIEVAL),
        when=_arm(TUNED_RETRIEVAL)),
    Row(RUN_ENDS, "placebo", "student", "Answers of the placebo", arm_answers.placebo,
        ("held-out", "placebo-fine-tune@last"), partial(without_arm, PLACEBO), when=_arm(PLACEBO)),
    Row(RUN_ENDS, "arms-evaluation", "judge", "Score the control arms", evaluate_arms,
        ("held-out", "teacher-answers", "few-shot", "retrieval", "tuned-retrieval", "placebo", "fine-tune@last",
         "placebo-fine-tune@last"), without_arm_scores, when=_arm(*ARMS)),
    Row(RUN_ENDS, "arms-comparison", "statistics", "Compare the control arms", arm_comparison,
        ("held-out", "held-out-baseline-evaluation", "tuned-evaluation@last", "arms-evaluation"), when=_arm(*ARMS)),
    Row(RUN_ENDS, "final-report", "statistics", "Close the run", final_report, ("comparison@every",)),
)

ROW_OF: dict[str, Row] = {row.stage: row for row in FLOW}
TRAINING_STAGES = ("fine-tune", "placebo-fine-tune")


def made_from(roots: tuple[str, ...]) -> frozenset[str]:
    """The stages whose artifacts hold what these hold, directly or through others.

    The practice questions are none of them: they read the test only to ask no twin of it.
    """
    found = set(roots)
    for row in FLOW:  # each row reads only what stands above it, or its own earlier cycles
        if row.stage != "questions" and {read.partition("@")[0] for read in row.reads} & found:
            found.add(row.stage)
    return frozenset(found)


HELD_OUT_ARTIFACTS = made_from(("held-out", "general"))


@dataclass(frozen=True)
class Step:
    """A row in its cycle; cycle 0 is the run itself."""

    row: Row
    cycle: int


def rows_of(config: RunConfig) -> tuple[Row, ...]:
    """The rows that a run of this configuration goes through."""
    return tuple(row for row in FLOW if row.when(config))


def steps(config: RunConfig) -> Iterator[Step]:
    """All steps of a run, in order."""
    rows = rows_of(config)
    yield from (Step(row, 0) for row in rows if row.phase == RUN_STARTS)
    for cycle in range(1, config.cycles + 1):
        yield from (Step(row, cycle) for row in rows if row.phase == EVERY_CYCLE)
    yield from (Step(row, 0) for row in rows if row.phase == RUN_ENDS)


def inputs_of(step: Step, config: RunConfig) -> dict[str, tuple[str, int]]:
    """For each input, by the name that the stage knows it under, the stage and the cycle that wrote it."""
    found: dict[str, tuple[str, int]] = {}
    for read in step.row.reads:
        name, _, which = read.partition("@")
        row = ROW_OF[name]
        if not row.when(config):
            continue
        if which == "last":
            found[read] = (name, config.cycles)
        elif which:
            last = config.cycles if which == "every" else step.cycle - 1
            found |= {f"{name}@{cycle}": (name, cycle) for cycle in range(1, last + 1)}
        else:
            found[name] = (name, step.cycle if row.phase == EVERY_CYCLE else 0)
    return found


def flow_rows(config: RunConfig) -> tuple[FlowRow, ...]:
    """The run's rows as readers of the store see them: drawn from this table, so that they cannot drift."""
    return tuple(FlowRow(row.stage, row.phase, row.doer, row.title) for row in rows_of(config))
