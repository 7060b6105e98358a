"""START HERE. The pipeline as a table: every stage in order of execution, who performs it and which artifacts it reads.

`executor.py` runs the table, `schedule.py` says which stages at the same time; `stage_context.py` defines what a stage
has access to.

Each stage writes one artifact under its own name. In `reads`, `name` is the artifact of this cycle (or of the run),
`name@earlier` those of all earlier cycles, `name@every` those of all cycles, and `name@last` that of the last cycle.
A stage with a `when` exists only in runs whose configuration enables it; elsewhere it is neither run nor read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from runner.pipeline.stage_context import Fallback, StageFunction
from runner.pipeline.stages import control_arm_answers
from runner.pipeline.stages.choose_cycle import choose_cycle
from runner.pipeline.stages.compare import compare
from runner.pipeline.stages.compare_control_arms import compare_control_arms
from runner.pipeline.stages.control_arm_answers import control_arm_fallback, retrieval_fallback
from runner.pipeline.stages.dev_questions import set_dev_questions_apart
from runner.pipeline.stages.draft_sets import draft_practice, draft_test
from runner.pipeline.stages.facts import write_facts
from runner.pipeline.stages.fine_tune import adapter_fallback, fine_tune
from runner.pipeline.stages.finish_run import finish_run
from runner.pipeline.stages.general_questions import draw_general_questions
from runner.pipeline.stages.generate_answers import answers_fallback, baseline, tuned
from runner.pipeline.stages.held_out_questions import held_out_questions
from runner.pipeline.stages.learning_curve import learning_curve, learning_curve_fallback
from runner.pipeline.stages.open_test import (
    answer_test, answer_test_fallback, compare_test, score_test, score_test_fallback,
)
from runner.pipeline.stages.placebo import placebo_fine_tune
from runner.pipeline.stages.practice_questions import practice_questions
from runner.pipeline.stages.reference_answers import reference_answers
from runner.pipeline.stages.replay import replay_answers, replay_fallback
from runner.pipeline.stages.review import review
from runner.pipeline.stages.score_answers import score_baseline, score_tuned, scores_fallback
from runner.pipeline.stages.score_control_arms import control_arm_scores_fallback, score_control_arms
from runner.pipeline.stages.study import study
from runner.pipeline.stages.validate_judges import validate_judges, validation_fallback
from store.control_arms import ARMS, FEW_SHOT, PLACEBO, RETRIEVAL, TEACHER, TUNED_RETRIEVAL
from store.events import FlowRow
from store.run_config import WRITTEN_STUDY, RunConfig

RUN_STARTS, EVERY_CYCLE, RUN_ENDS = "run starts", "every cycle", "run ends"


@dataclass(frozen=True)
class StageSpec:
    """One stage. `fallback` produces placeholder events if the stage fails; without one the run fails."""

    phase: str
    stage: str
    doer: str
    """The role that performs it: teacher, people, student, judge, trainer, retriever, statistics or project."""
    title: str
    """Shown on pages and in messages."""
    run: StageFunction
    reads: tuple[str, ...]
    fallback: Fallback | None = None
    when: Callable[[RunConfig], bool] = lambda _config: True
    """Whether the stage is part of a run with this configuration."""


def _any_arm_enabled(*names: str) -> Callable[[RunConfig], bool]:
    """Return a predicate: does the configuration enable any of these control arms?"""
    return lambda config: bool(set(names) & set(config.arms))


def has_study_set(config: RunConfig) -> bool:
    """Return whether each cycle's training set is prepared as a stage: in all runs that test taught facts."""
    return config.fine_tune and (config.study != "off" or config.taught_questions > 0)


def has_review(config: RunConfig) -> bool:
    """Return whether people review the questions before any student answers."""
    return config.review


def has_dev_split(config: RunConfig) -> bool:
    """Return whether a cycle is chosen on development questions, and the test is answered once at the end."""
    return config.dev_questions > 0


PIPELINE: tuple[StageSpec, ...] = (
    StageSpec(RUN_STARTS, "test-drafts", "teacher", "Draft test questions", draft_test, (), when=has_review),
    StageSpec(RUN_STARTS, "practice-drafts", "teacher", "Draft training questions", draft_practice, ("test-drafts",),
              when=has_review),
    StageSpec(RUN_STARTS, "review", "people", "Review of the questions", review, ("test-drafts", "practice-drafts"),
              when=has_review),
    StageSpec(RUN_STARTS, "held-out", "teacher", "Generate test questions", held_out_questions,
              ("test-drafts", "review")),
    StageSpec(RUN_STARTS, "general", "project", "Load general-knowledge questions", draw_general_questions, (),
              when=lambda config: config.general > 0),
    StageSpec(RUN_STARTS, "dev-questions", "project", "Set development questions apart", set_dev_questions_apart,
              ("held-out",), when=lambda config: config.chooses_step),
    StageSpec(RUN_STARTS, "judge-audit", "judge", "Judge audit", validate_judges,
              ("held-out",), validation_fallback),
    StageSpec(RUN_STARTS, "held-out-baseline", "student", "Baseline answers (test)", baseline,
              ("held-out", "general"), partial(answers_fallback, "baseline")),
    StageSpec(RUN_STARTS, "held-out-baseline-evaluation", "judge", "Score baseline (test)", score_baseline,
              ("held-out", "general", "held-out-baseline"), partial(scores_fallback, "baseline")),
    StageSpec(RUN_STARTS, "replay", "student", "Answer general questions (for replay)", replay_answers, (),
              replay_fallback, when=lambda config: has_study_set(config) and config.general_replay > 0),
    StageSpec(RUN_STARTS, "teacher-answers", "teacher", "Closed-book teacher answers (test)",
              control_arm_answers.teacher,
              ("held-out",), partial(control_arm_fallback, TEACHER), when=_any_arm_enabled(TEACHER)),

    StageSpec(EVERY_CYCLE, "questions", "teacher", "Generate training questions", practice_questions,
              ("held-out", "questions@earlier", "review")),
    StageSpec(EVERY_CYCLE, "baseline", "student", "Baseline answers (train)", baseline,
              ("questions",), partial(answers_fallback, "baseline")),
    StageSpec(EVERY_CYCLE, "references", "teacher", "Generate teacher answers", reference_answers,
              ("questions", "review")),
    StageSpec(EVERY_CYCLE, "facts", "teacher", "Generate facts to study", write_facts,
              ("questions", "references", "review"),
              when=lambda config: config.fine_tune and config.study in WRITTEN_STUDY),
    StageSpec(EVERY_CYCLE, "baseline-evaluation", "judge", "Score baseline (train)", score_baseline,
              ("questions", "references", "baseline"), partial(scores_fallback, "baseline")),
    StageSpec(EVERY_CYCLE, "study", "trainer", "Prepare study items", study,
              ("held-out", "replay", "questions", "references", "facts", "questions@earlier", "study@earlier",
               "tuned-evaluation@earlier", "review"), when=has_study_set),
    StageSpec(EVERY_CYCLE, "fine-tune", "trainer", "Fine-tune the student", fine_tune,
              ("dev-questions", "questions", "references", "study", "replay", "fine-tune@earlier"), adapter_fallback),
    StageSpec(EVERY_CYCLE, "placebo-fine-tune", "trainer", "Train control adapter (shuffled references)",
              placebo_fine_tune,
              ("questions", "references", "study", "replay", "questions@earlier", "references@earlier",
               "placebo-fine-tune@earlier"), adapter_fallback,
              when=_any_arm_enabled(PLACEBO)),
    StageSpec(EVERY_CYCLE, "tuned", "student", "Fine-tuned answers", tuned,
              ("questions", "held-out", "general", "fine-tune"), partial(answers_fallback, "tuned")),
    StageSpec(EVERY_CYCLE, "tuned-evaluation", "judge", "Score fine-tuned answers", score_tuned,
              ("questions", "held-out", "general", "references", "fine-tune", "tuned"),
              partial(scores_fallback, "tuned")),
    StageSpec(EVERY_CYCLE, "learning-curve", "judge", "Evaluate checkpoints", learning_curve,
              ("held-out", "held-out-baseline-evaluation", "fine-tune", "tuned-evaluation"), learning_curve_fallback,
              when=lambda config: config.learning_curve),
    StageSpec(EVERY_CYCLE, "comparison", "statistics", "Compare before and after", compare,
              ("questions", "held-out", "general", "held-out-baseline-evaluation", "baseline-evaluation", "study",
               "fine-tune", "tuned-evaluation")),

    StageSpec(RUN_ENDS, "retrieve", "retriever", "Retrieve passages", control_arm_answers.retrieve_passages,
              ("held-out",), retrieval_fallback, when=_any_arm_enabled(RETRIEVAL, TUNED_RETRIEVAL)),
    StageSpec(RUN_ENDS, "few-shot", "student", "Few-shot answers", control_arm_answers.few_shot,
              ("held-out", "questions@every", "references@every"), partial(control_arm_fallback, FEW_SHOT),
              when=_any_arm_enabled(FEW_SHOT)),
    StageSpec(RUN_ENDS, "retrieval", "student", "RAG answers", control_arm_answers.retrieval,
              ("held-out", "retrieve"), partial(control_arm_fallback, RETRIEVAL), when=_any_arm_enabled(RETRIEVAL)),
    StageSpec(RUN_ENDS, "tuned-retrieval", "student", "Fine-tuned RAG answers", control_arm_answers.tuned_retrieval,
              ("held-out", "retrieve", "fine-tune@last"), partial(control_arm_fallback, TUNED_RETRIEVAL),
              when=_any_arm_enabled(TUNED_RETRIEVAL)),
    StageSpec(RUN_ENDS, "placebo", "student", "Control adapter answers", control_arm_answers.placebo,
              ("held-out", "placebo-fine-tune@last"), partial(control_arm_fallback, PLACEBO),
              when=_any_arm_enabled(PLACEBO)),
    StageSpec(RUN_ENDS, "arms-evaluation", "judge", "Score control arms", score_control_arms,
              ("held-out", "teacher-answers", "few-shot", "retrieval", "tuned-retrieval", "placebo", "fine-tune@last",
               "placebo-fine-tune@last"), control_arm_scores_fallback, when=_any_arm_enabled(*ARMS)),
    StageSpec(RUN_ENDS, "arms-comparison", "statistics", "Compare control arms", compare_control_arms,
              ("held-out", "questions@last", "held-out-baseline-evaluation", "baseline-evaluation@last",
               "tuned-evaluation@last", "arms-evaluation"),
              when=_any_arm_enabled(*ARMS)),
    StageSpec(RUN_ENDS, "choice", "statistics", "Choose the cycle", choose_cycle,
              ("comparison@every",), when=has_dev_split),
    StageSpec(RUN_ENDS, "test-answers", "student", "Answer the test, once", answer_test,
              ("held-out", "general", "choice", "fine-tune@every"), answer_test_fallback, when=has_dev_split),
    StageSpec(RUN_ENDS, "test-evaluation", "judge", "Score the test", score_test,
              ("held-out", "general", "choice", "fine-tune@every", "test-answers"), score_test_fallback,
              when=has_dev_split),
    StageSpec(RUN_ENDS, "test-comparison", "statistics", "Compare on the test", compare_test,
              ("held-out", "general", "held-out-baseline-evaluation", "choice", "study@every", "fine-tune@every",
               "test-evaluation"), when=has_dev_split),
    StageSpec(RUN_ENDS, "final-report", "statistics", "Finalize", finish_run, ("comparison@every", "test-comparison")),
)

OPENS_TEST = "test-answers"
"""The stage before which a run holds its test back, where its configuration says so."""
STAGES_BY_NAME: dict[str, StageSpec] = {row.stage: row for row in PIPELINE}
TRAINING_STAGES = ("fine-tune", "placebo-fine-tune")


def derived_from(roots: tuple[str, ...]) -> frozenset[str]:
    """Return all stages whose artifacts derive from these stages, directly or transitively.

    Training questions and study items are excluded: they read the test only to avoid near-duplicates of it, and of
    scores only those of training questions. So are the development questions, which are no part of the test.
    """
    found = set(roots)
    for row in PIPELINE:  # each stage reads only stages above it, or its own earlier cycles
        exempt = row.stage in ("questions", "study", "dev-questions")
        if not exempt and {read.partition("@")[0] for read in row.reads} & found:
            found.add(row.stage)
    return frozenset(found)


HELD_OUT_ARTIFACTS = derived_from(("held-out", "general"))


@dataclass(frozen=True)
class StageRun:
    """A stage in one cycle; cycle 0 is the run itself."""

    row: StageSpec
    cycle: int


def stages_for(config: RunConfig) -> tuple[StageSpec, ...]:
    """Return the stages of a run with this configuration, in order."""
    return tuple(row for row in PIPELINE if row.when(config))


def steps(config: RunConfig) -> Iterator[StageRun]:
    """Yield every stage of a run in each of its cycles, in order of execution."""
    rows = stages_for(config)
    yield from (StageRun(row, 0) for row in rows if row.phase == RUN_STARTS)
    for cycle in range(1, config.cycles + 1):
        yield from (StageRun(row, cycle) for row in rows if row.phase == EVERY_CYCLE)
    yield from (StageRun(row, 0) for row in rows if row.phase == RUN_ENDS)


def inputs_of(step: StageRun, config: RunConfig) -> dict[str, tuple[str, int]]:
    """Return the inputs of a step: name as in `reads` (with the cycle, `name@2`) -> (stage, cycle) that wrote it."""
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
    """Return the stages of a run as recorded in the store, derived from this table so that they cannot drift."""
    return tuple(FlowRow(row.stage, row.phase, row.doer, row.title) for row in stages_for(config))
