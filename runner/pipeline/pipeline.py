"""START HERE. The cycle as a table: every stage, who does it, what it reads; top to bottom, as it happens.

`executor.py` runs it; `stage_context.py` says what a stage may do.

Each stage writes one artifact under its own name. In `reads`,
`name` is this cycle's (or the run's own) artifact, `name@earlier` that of every earlier cycle, `name@every` that of
every cycle, and `name@last` that of the last one. A row with a `when` is in the runs whose configuration asks for it;
elsewhere it is neither run nor read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from runner.pipeline.stage_context import Fallback, StageFunction
from runner.pipeline.stages import control_arm_answers
from runner.pipeline.stages.compare import compare
from runner.pipeline.stages.compare_control_arms import compare_control_arms
from runner.pipeline.stages.control_arm_answers import control_arm_fallback, retrieval_fallback
from runner.pipeline.stages.fine_tune import adapter_fallback, fine_tune
from runner.pipeline.stages.finish_run import finish_run
from runner.pipeline.stages.general_questions import draw_general_questions
from runner.pipeline.stages.generate_answers import answers_fallback, baseline, tuned
from runner.pipeline.stages.held_out_questions import held_out_questions
from runner.pipeline.stages.learning_curve import learning_curve, learning_curve_fallback
from runner.pipeline.stages.placebo import placebo_fine_tune
from runner.pipeline.stages.practice_questions import practice_questions
from runner.pipeline.stages.reference_answers import reference_answers
from runner.pipeline.stages.score_answers import score_baseline, score_tuned, scores_fallback
from runner.pipeline.stages.score_control_arms import control_arm_scores_fallback, score_control_arms
from runner.pipeline.stages.validate_judges import validate_judges, validation_fallback
from store.control_arms import ARMS, FEW_SHOT, PLACEBO, RETRIEVAL, TEACHER, TUNED_RETRIEVAL
from store.events import FlowRow
from store.run_config import RunConfig

RUN_STARTS, EVERY_CYCLE, RUN_ENDS = "run starts", "every cycle", "run ends"


@dataclass(frozen=True)
class StageSpec:
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


def _any_arm_enabled(*names: str) -> Callable[[RunConfig], bool]:
    """The runs that ask for any of these control arms."""
    return lambda config: bool(set(names) & set(config.arms))


PIPELINE: tuple[StageSpec, ...] = (
    StageSpec(RUN_STARTS, "held-out", "teacher", "Ask the held-out test", held_out_questions, ()),
    StageSpec(RUN_STARTS, "general", "project", "Take the everyday questions", draw_general_questions, (),
              when=lambda config: config.general > 0),
    StageSpec(RUN_STARTS, "judge-audit", "judge", "Put the judges on trial", validate_judges, ("held-out",),
              validation_fallback),
    StageSpec(RUN_STARTS, "held-out-baseline", "student", "Untrained answers to the test", baseline,
              ("held-out", "general"),
              partial(answers_fallback, "baseline")),
    StageSpec(RUN_STARTS, "held-out-baseline-evaluation", "judge", "Score the untrained test answers", score_baseline,
              ("held-out", "general", "held-out-baseline"), partial(scores_fallback, "baseline")),
    StageSpec(RUN_STARTS, "teacher-answers", "teacher", "The teacher answers the test", control_arm_answers.teacher,
              ("held-out",),
              partial(control_arm_fallback, TEACHER), when=_any_arm_enabled(TEACHER)),

    StageSpec(EVERY_CYCLE, "questions", "teacher", "Ask practice questions", practice_questions,
              ("held-out", "questions@earlier")),
    StageSpec(EVERY_CYCLE, "baseline", "student", "Untrained answers", baseline, ("questions",),
              partial(answers_fallback, "baseline")),
    StageSpec(EVERY_CYCLE, "references", "teacher", "Write reference answers", reference_answers, ("questions",)),
    StageSpec(EVERY_CYCLE, "baseline-evaluation", "judge", "Score the untrained answers", score_baseline,
              ("questions", "references", "baseline"), partial(scores_fallback, "baseline")),
    StageSpec(EVERY_CYCLE, "fine-tune", "trainer", "Fine-tune the student", fine_tune,
              ("questions", "references", "fine-tune@earlier"), adapter_fallback),
    StageSpec(EVERY_CYCLE, "placebo-fine-tune", "trainer", "Train the placebo", placebo_fine_tune,
              ("questions", "references", "placebo-fine-tune@earlier"), adapter_fallback,
              when=_any_arm_enabled(PLACEBO)),
    StageSpec(EVERY_CYCLE, "tuned", "student", "Tuned answers", tuned,
              ("questions", "held-out", "general", "fine-tune"),
              partial(answers_fallback, "tuned")),
    StageSpec(EVERY_CYCLE, "tuned-evaluation", "judge", "Score the tuned answers", score_tuned,
              ("questions", "held-out", "general", "references", "fine-tune", "tuned"),
              partial(scores_fallback, "tuned")),
    StageSpec(EVERY_CYCLE, "learning-curve", "judge", "Weigh the test along the training", learning_curve,
              ("held-out", "held-out-baseline-evaluation", "fine-tune", "tuned-evaluation"), learning_curve_fallback,
              when=lambda config: config.learning_curve),
    StageSpec(EVERY_CYCLE, "comparison", "statistics", "Compare before and after", compare,
              ("questions", "held-out", "general", "held-out-baseline-evaluation", "baseline-evaluation", "fine-tune",
               "tuned-evaluation")),

    StageSpec(RUN_ENDS, "retrieve", "retriever", "Search passages for the test", control_arm_answers.retrieve_passages,
              ("held-out",),
              retrieval_fallback, when=_any_arm_enabled(RETRIEVAL, TUNED_RETRIEVAL)),
    StageSpec(RUN_ENDS, "few-shot", "student", "Answers after examples", control_arm_answers.few_shot,
              ("held-out", "questions@every", "references@every"), partial(control_arm_fallback, FEW_SHOT),
              when=_any_arm_enabled(FEW_SHOT)),
    StageSpec(RUN_ENDS, "retrieval", "student", "Answers after passages", control_arm_answers.retrieval,
              ("held-out", "retrieve"),
              partial(control_arm_fallback, RETRIEVAL), when=_any_arm_enabled(RETRIEVAL)),
    StageSpec(RUN_ENDS, "tuned-retrieval", "student", "Tuned answers after passages",
              control_arm_answers.tuned_retrieval,
              ("held-out", "retrieve", "fine-tune@last"), partial(control_arm_fallback, TUNED_RETRIEVAL),
              when=_any_arm_enabled(TUNED_RETRIEVAL)),
    StageSpec(RUN_ENDS, "placebo", "student", "Answers of the placebo", control_arm_answers.placebo,
              ("held-out", "placebo-fine-tune@last"), partial(control_arm_fallback, PLACEBO),
              when=_any_arm_enabled(PLACEBO)),
    StageSpec(RUN_ENDS, "arms-evaluation", "judge", "Score the control arms", score_control_arms,
              ("held-out", "teacher-answers", "few-shot", "retrieval", "tuned-retrieval", "placebo", "fine-tune@last",
               "placebo-fine-tune@last"), control_arm_scores_fallback, when=_any_arm_enabled(*ARMS)),
    StageSpec(RUN_ENDS, "arms-comparison", "statistics", "Compare the control arms", compare_control_arms,
              ("held-out", "held-out-baseline-evaluation", "tuned-evaluation@last", "arms-evaluation"),
              when=_any_arm_enabled(*ARMS)),
    StageSpec(RUN_ENDS, "final-report", "statistics", "Close the run", finish_run, ("comparison@every",)),
)

STAGES_BY_NAME: dict[str, StageSpec] = {row.stage: row for row in PIPELINE}
TRAINING_STAGES = ("fine-tune", "placebo-fine-tune")


def derived_from(roots: tuple[str, ...]) -> frozenset[str]:
    """The stages whose artifacts hold what these hold, directly or through others.

    The practice questions are none of them: they read the test only to ask no twin of it.
    """
    found = set(roots)
    for row in PIPELINE:  # each row reads only what stands above it, or its own earlier cycles
        if row.stage != "questions" and {read.partition("@")[0] for read in row.reads} & found:
            found.add(row.stage)
    return frozenset(found)


HELD_OUT_ARTIFACTS = derived_from(("held-out", "general"))


@dataclass(frozen=True)
class StageRun:
    """A row in its cycle; cycle 0 is the run itself."""

    row: StageSpec
    cycle: int


def stages_for(config: RunConfig) -> tuple[StageSpec, ...]:
    """The rows that a run of this configuration goes through."""
    return tuple(row for row in PIPELINE if row.when(config))


def steps(config: RunConfig) -> Iterator[StageRun]:
    """All steps of a run, in order."""
    rows = stages_for(config)
    yield from (StageRun(row, 0) for row in rows if row.phase == RUN_STARTS)
    for cycle in range(1, config.cycles + 1):
        yield from (StageRun(row, cycle) for row in rows if row.phase == EVERY_CYCLE)
    yield from (StageRun(row, 0) for row in rows if row.phase == RUN_ENDS)


def inputs_of(step: StageRun, config: RunConfig) -> dict[str, tuple[str, int]]:
    """For each input, by the name that the stage knows it under, the stage and the cycle that wrote it."""
    found: dict[str, tuple[str, int]] = {}
    for read in step.row.reads:
        name, _, which = read.partition("@")
        row = STAGES_BY_NAME[name]
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
    return tuple(FlowRow(row.stage, row.phase, row.doer, row.title) for row in stages_for(config))
