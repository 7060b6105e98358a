"""What the store and the checkpoints hold by name keeps its name, whatever the code calls it.

Each list below is written out and not derived. A store and its checkpoints made by an earlier version hold these
texts, so a change here needs a migration; adding to a list is fine.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
import typing

import pytest

import knowledge
import runner
import store
from knowledge.questions import GENERAL, TIERS
from runner.pipeline.pipeline import PIPELINE
from runner.pipeline.recovery import RECOVERY, Action, ErrorKind, classify_error
from store import schema
from store.control_arms import ARMS
from store.costs import llm_calls
from store.events import KINDS
from store.metrics import METRICS
from store.run_config import RunConfig

PAYLOADS = {
    "AdapterMissing": "reason failed",
    "AdapterTrained": """
        adapter sha256 continued_from steps seconds tokens first_loss last_loss trainable_parameters
        matched_modules unmatched_targets cut left_out chosen(step of_steps metric stopped_early
        evaluations(step value reference_nll scored))""",
    "AnswerRated": "question_id rating blind left_arm rater note",
    "AnswerSampled": "arm question_id text",
    "AnswersGiven": "arm answers(question_id text missing tokens seconds cut_off) of_cycle",
    "AnswersJudgedAgain": "judging arm judge scores(question_id metric value missing)",
    "AnswersScored": "arm judge scores(question_id metric value missing) of_cycle",
    "ArmsCompared": """
        changes(tier metric topic baseline tuned change low high scored asked wins ties losses p_value verdict
        clusters t_p_value adjusted_p wilcoxon_p bootstrap_low bootstrap_high effect effect_low effect_high spread
        freedom) verdict sentence of_cycle""",
    "ControlArmsCompared": """
        cycle changes(arm against metric before after change low high scored asked wins ties losses p_value
        verdict) gaps(metric baseline tuned teacher closed low high scored asked missing by_construction)
        replacements(arm metric student teacher difference low high confidence margin scored asked verdict needed
        by_construction) shares(metric part gain low high share facts asked)""",
    "BatchEnded": """
        batch state recorded completed failed total prompt_tokens completion_tokens cost_usd message failures(key
        status code message param)""",
    "BatchPlanned": "batch role model address path sha256 calls(key purpose item) estimated_cost_usd",
    "BatchProgressed": "batch state completed failed total expires_at",
    "BatchSent": "batch server_id expires_at",
    "CycleChosen": "cycle metric candidates(cycle value scored) reason",
    "CycleFinished": "work verdict sentence adapter training_seconds seconds",
    "CycleStarted": "",
    "DesignSealed": "questions_hash test_sha256 questions headline headline_tier margin seeds config_sha256",
    "DevQuestionsSetApart": """
        questions(question_id tier topic text passage_id title passage address evidence key_terms)
        references(question_id text missing evidence foils foil_rules)""",
    "EndpointOptionRefused": "role model address effort option sent_instead message",
    "ExportVerified": """
        export engine outcome sentence causes equal asked changes(metric recorded exported change low high scored asked)
        answers(question_id text missing tokens seconds cut_off) size_bytes scores(metric question_id recorded
        exported)""",
    "FactsWritten": """
        teacher facts(passage_id statement paraphrases questions(question answer) reverse(question answer) key_terms)
        refused(passage_id text reason) without(passage_id reason)""",
    "FilesStored": "sha256 files size_bytes",
    "ForecastRegistered": """
        group metric tier size questions change low high confidence margin stop pilots(run size change error freedom
        pairs baseline)""",
    "ForecastScored": "change held",
    "DraftsAskedAgain": "by round wanted(part of_cycle tier count)",
    "ItemCommented": "question_id comment opinion by",
    "ItemFlagged": "question_id flag reason by withdrawn",
    "ItemsApproved": """
        part of_cycle teacher reference_writer questions(question_id tier topic text passage_id title passage address
        evidence key_terms) references(question_id text missing evidence foils foil_rules) wanted set_hash
        edited(question_id drafted_id) left_out(text topic tier passage_id reason)
        added(part of_cycle question(question_id tier topic text passage_id title passage address evidence key_terms)
        answer writer)""",
    "ItemsDrafted": """
        part of_cycle round teacher reference_writer questions(question_id tier topic text passage_id title passage
        address evidence key_terms) references(question_id text missing evidence foils foil_rules) rejected(text topic
        tier passage_id reason) wanted set_hash sealed""",
    "ItemsReviewed": """
        by reason source bulk changes(question_id was decision question_before question answer_before answer)
        added(part of_cycle question(question_id tier topic text passage_id title passage address evidence key_terms)
        answer writer)""",
    "ReviewFinished": "by approved rejected edited",
    "RunWaitingForReview": "questions round",
    "JudgeAudited": """
        metric judge judging passed reasons questions kinds(kind mean scored rightly of passed) probes(kind
        question_id text score missing) retests noise most_noise""",
    "JudgingCompared": """
        judging changes(tier metric topic baseline tuned change low high scored asked wins ties losses p_value
        verdict clusters t_p_value adjusted_p wilcoxon_p bootstrap_low bootstrap_high effect effect_low
        effect_high spread freedom)""",
    "JudgingEstimated": "judge metrics answers calls prompt_tokens completion_tokens cost_usd most_calls most_cost_usd",
    "JudgingFinished": "judging scored asked calls tokens cost_usd",
    "JudgingStarted": "judging metrics judge cycles",
    "KnowledgeChanged": "knowledge_hash found_hash added removed reason",
    "KnowledgeRead": "domain knowledge_hash passages compared_with new gone reworded excluded",
    "LearningCurveMeasured": "points(step of_steps metric value change low high scored asked)",
    "MetricLogged": "key step value unit",
    "PassagesRetrieved": "retriever searched cut found(question_id passages)",
    "PlaceboTrained": """
        adapter sha256 continued_from steps seconds tokens first_loss last_loss examples(question_id answer_of)""",
    "PlanChosen": "device precision batch_size threads reason student parameters weights rung",
    "PromptsPrepared": "arm prompts(question_id text sources left_out cut)",
    "QuestionsAsked": """
        teacher questions(question_id tier topic text passage_id title passage address evidence key_terms) wanted
        set_hash""",
    "QuestionsRejected": "teacher rejected(text topic tier passage_id reason)",
    "QuestionSetRead": "role name sha256 questions with_passage remark",
    "RecoveryTaken": "kind action attempt wait_seconds message",
    "ReferencesWritten": "teacher references(question_id text missing evidence foils foil_rules)",
    "ReplayAnswered": "answers(question answer) missing",
    "RunAnnotated": "tags note by name",
    "RunArchived": "archived by",
    "RunCancelled": "reason",
    "RunDeleted": "by",
    "RunFailed": "kind message advice trace",
    "RunFinished": "verdict sentence seconds",
    "RunPaused": "reason advice",
    "RunPrioritised": "priority",
    "RunRequested": "config requested_by priority group",
    "RunRequeued": "reason",
    "RunStarted": "owner attempt versions flow(stage phase doer title) folder node",
    "RunWaitingForBatch": "batch calls until",
    "ScheduleAdded": "name cron every_seconds zone config skip_if_queued priority added_by next_due_at",
    "ScheduleFailed": "due_at message next_due_at",
    "ScheduleFired": "due_at run next_due_at",
    "ScheduleMissed": "first_due_at last_due_at times reason next_due_at",
    "SchedulePaused": "",
    "ScheduleRemoved": "",
    "ScheduleResumed": "next_due_at",
    "ScheduleSkipped": "due_at reason next_due_at",
    "SettingsChosen": "group settings metric candidates(settings value runs)",
    "StageFailed": "kind message advice trace",
    "StageFinished": "seconds path size_bytes sha256 inputs_sha256 adopted loading_seconds",
    "StageProgressed": "done total unit detail before seconds",
    "StageStarted": "doer",
    "TeachersCompared": """
        teacher of references(question_id text missing evidence foils foil_rules) agreement(tier metric mean low high
        scored asked) changes(cycle tier metric baseline tuned change low high scored asked verdict) calls tokens
        cost_usd""",
    "StudySetPrepared": """
        file sha256 facts(passage_id cycle items refused weight uncovered_terms coverage(term items)) forms(form items
        wordings presentations tokens) examples replayed steps tokens_per_second notes""",
}
STAGES = """
test-drafts practice-drafts review held-out general dev-questions judge-audit held-out-baseline
held-out-baseline-evaluation replay teacher-answers questions baseline references facts baseline-evaluation study
fine-tune placebo-fine-tune tuned tuned-evaluation learning-curve comparison retrieve few-shot retrieval
tuned-retrieval placebo arms-evaluation arms-comparison choice test-answers test-evaluation test-comparison
final-report
""".split()
TABLES = {
    "answers": "run cycle arm question text missing tokens seconds cut_off",
    "api_tokens": "sha256 name scope made_at expires_at revoked_at",
    "arm_changes": (
        "run arm against metric before after change low high p_value cycle scored asked wins ties losses "
        "verdict "
    ),
    "arm_prompts": "run arm question text sources left_out cut",
    "asked": (
        "id token run asked_by asked_at state cycle question with_teacher attempts owner error said ended_at "
    ),
    "batches": (
        "run batch role model address path sha256 state calls cycle stage server_id planned_at sent_at expires_at "
        "ended_at completed failed total recorded estimated_cost_usd cost_usd message failures "
    ),
    "call_claims": "key run",
    "changes": (
        "run cycle tier metric topic baseline tuned change low high scored asked wins ties losses p_value "
        "verdict clusters t_p_value adjusted_p wilcoxon_p bootstrap_low bootstrap_high effect effect_low "
        "effect_high spread freedom "
    ),
    "claims": "run owner fence attempt expires_at stop_requested waits_for",
    "commands": "id token kind run at",
    "curve_points": "run cycle step metric value change low high of_steps scored asked",
    "cycles": (
        "run cycle work verdict sentence adapter adapter_sha256 training training_seconds started_at ended_at "
        "seconds "
    ),
    "endpoint_options": "address model effort option sent_instead message at",
    "event_numbers": "last_number run first_seq last_seq",
    "events": "run seq cycle stage kind at payload",
    "forecasts": (
        "run group_name metric tier size questions change low high confidence margin stop pilots registered_at "
        "measured held scored_at"
    ),
    "gain_shares": "run metric part gain low high share cycle facts asked",
    "gaps": "run metric baseline tuned teacher closed low high cycle scored asked missing by_construction",
    "judge_audits": "run judging metric judge passed questions retests reasons kinds probes noise most_noise at",
    "judging_changes": "run judging cycle tier metric topic change",
    "judging_scores": "run judging cycle arm question metric judge value missing",
    "judgings": "run judging metrics judge cycles started_at ended_at scored asked calls tokens cost_usd",
    "metrics": "run key cycle stage step value unit at",
    "nodes": "id name owner alive cpus gpus cpus_used gpus_used since gone_at reason",
    "questions": (
        "run cycle question tier topic text passage passage_id title address evidence reference "
        "reference_missing foils "
    ),
    "ratings": "run cycle question rater rating blind left_arm note at",
    "replacements": (
        "run arm metric student teacher difference low high confidence margin cycle scored asked verdict needed "
        "by_construction"
    ),
    "runners": "owner host pid started_at beat_at next_beat_by stopped",
    "runs": (
        "id name config requested_by requested_at priority work verdict sentence started_at ended_at attempts "
        "cycle stage done total unit detail flow plan knowledge_hash held_out_hash error_kind error advice "
        "trace tags note archived done_before done_seconds group_name node "
    ),
    "schedules": (
        "name cron every_seconds zone config skip_if_queued priority added_by added_at enabled next_due_at "
        "last_due_at last_outcome last_run last_message "
    ),
    "scores": "run cycle arm question metric judge value missing",
    "stages": (
        "run cycle stage doer work started_at ended_at seconds path sha256 inputs_sha256 size_bytes error "
    ),
    "teacher_calls": "key run model purpose response prompt_tokens completion_tokens at reasoning_tokens batch "
                     "cached_prompt_tokens",
    "verifications": (
        "id token run requested_by requested_at state engine cycle artefact model attempts owner error progress "
        "ended_at "
    ),
    "webhook_outbox": "id webhook occasion run sentence at state attempts due_at error ended_at",
    "webhooks": "name url format occasions secret private_addresses added_at",
}
CONFIG_FIELDS = """
preset teacher teacher_base_url student precision max_cost_usd knowledge knowledge_name topics questions
cycles held_out held_out_set paraphrases new_topics new_topic_questions general fine_tune steps learning_rate
batch_size gradient_accumulation gradient_checkpointing lora_rank lora_alpha lora_dropout target_modules
adapter max_sequence_tokens max_new_tokens temperature top_p top_k repetition_penalty max_answer_seconds
gpu_memory_cap_gb seed headline judge judge_base_url judge_metrics arms learning_curve name
""".split()
ERROR_KINDS = """
out of memory
memory ladder at its end
does not fit
rate limit
teacher unreachable
teacher reply unreadable
authentication
budget spent
context too long
model loading
model unusable
adapter unusable
training failure
judge failure
knowledge
disk full
disk failure
process killed
interrupted
node lost
not placed
store not available
checkpoints elsewhere
artifact store
reply not stored
price file
batch refused
knowledge changed
unforeseen
""".strip().splitlines()
ACTIONS = """
take the next rung of the memory ladder and try again
load with the next settings of the plan and try again
wait and try again
go on from the last checkpoint
do again what has no checkpoint here
give the stage up
""".strip().splitlines()
ARM_NAMES = """
few-shot retrieval tuned+retrieval placebo teacher
""".split()
METRIC_NAMES = """
choice_accuracy binding reference_nll answer_similarity fact_recall rouge_l chrf factual_correctness faithfulness
answer_relevancy choice_pmi choice_prior choice_unaltered
""".split()
TIER_NAMES = """
practice paraphrase held-out new-topic
""".split()


def payload(kind: type) -> str:
    """A dataclass as its field names; the fields of records inside it stand in brackets."""
    hints, words = typing.get_type_hints(kind), []
    for field in dataclasses.fields(kind):
        inside = [part for part in (hints[field.name], *typing.get_args(hints[field.name]))
                  if dataclasses.is_dataclass(part)]
        words.append(field.name + (f"({payload(inside[0])})" if inside else ""))  # type: ignore[arg-type]
    return " ".join(words)


def test_events_keep_their_types_and_fields() -> None:
    assert {name: payload(kind) for name, kind in KINDS.items()} == {
        name: " ".join(fields.split()) for name, fields in PAYLOADS.items()}
    assert all(kind.event_type == name for name, kind in KINDS.items())


def test_stages_keep_the_names_of_their_checkpoints() -> None:
    assert [row.stage for row in PIPELINE] == STAGES


def test_tables_keep_their_columns() -> None:
    found = {table.name: [column.name for column in table.columns] for table in schema.metadata.tables.values()}
    assert found == {table: columns.split() for table, columns in TABLES.items()}


def test_the_configuration_keeps_its_fields() -> None:
    """A field that comes later has the value that described runs before it (`metadata["was"]`)."""
    fields = dataclasses.fields(RunConfig)
    assert [field.name for field in fields if "was" not in field.metadata] == CONFIG_FIELDS


def test_the_record_of_errors_keeps_its_words() -> None:
    assert [kind.value for kind in ErrorKind] == ERROR_KINDS and [action.value for action in Action] == ACTIONS


def test_purposes_of_model_calls_keep_their_beginnings() -> None:
    assert (llm_calls.JUDGE_PURPOSE, llm_calls.PLAYGROUND_PURPOSE, llm_calls.COMPARISON_PURPOSE) == (
        "judge ", "asked ", "compared ")
    assert llm_calls.playground_purpose(7, "answer") == "asked 7 answer"


def test_arms_metrics_and_tiers_keep_their_names() -> None:
    assert (list(ARMS), list(METRICS), [*TIERS], GENERAL) == (ARM_NAMES, METRIC_NAMES, TIER_NAMES, "general")


def errors() -> list[type[BaseException]]:
    """Every exception class of the program; what needs Ray, which is optional, defines none."""
    for package in (knowledge, store, runner):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__") and not module.name.startswith("runner.service.on_ray."):
                importlib.import_module(module.name)
    found: list[type[BaseException]] = []

    def walk(kind: type[BaseException]) -> None:
        for below in kind.__subclasses__():
            if re.match(r"(knowledge|store|runner)\.", below.__module__):
                found.append(below)
            walk(below)
    walk(BaseException)
    return found


def test_each_error_says_its_kind_itself_and_each_kind_is_one_that_the_table_knows() -> None:
    """The recovery table must not depend on what a class is called."""
    kinds = {error.__name__: vars(error)["error_kind"] for error in errors() if "error_kind" in vars(error)}
    assert set(kinds.values()) <= {kind.value for kind in RECOVERY}
    # These have no class of ours: memory and disk errors of Python, and what the supervisor finds out.
    assert {kind.value for kind in ErrorKind} - set(kinds.values()) == {
        "disk full", "disk failure", "process killed", "interrupted", "node lost", "not placed",
        "store not available", "checkpoints elsewhere", "unforeseen"}


@pytest.mark.parametrize(("name", "kind"), [("OutOfMemoryError", ErrorKind.OUT_OF_MEMORY),
                                            ("SomethingElse", ErrorKind.UNEXPECTED)])
def test_errors_of_libraries_are_known_by_class_name(name: str, kind: ErrorKind) -> None:
    assert classify_error(type(name, (Exception,), {})("x")) is kind
    assert classify_error(type("Renamed", (Exception,), {"error_kind": "judge failure"})("x")) is ErrorKind.JUDGE


@dataclasses.dataclass(frozen=True)
class Later(RunConfig):
    """A configuration with a field that came after the runs of today."""

    later: str = dataclasses.field(default="new", metadata={"was": "old"})


def test_a_field_that_comes_later_describes_older_runs_as_they_were_and_leaves_their_hash_alone() -> None:
    from store.run_config import from_json, to_json

    text = to_json(RunConfig())
    old = from_json(text, Later)
    assert isinstance(old, Later) and old.later == "old" and to_json(old) == text
    new = Later()
    assert new.later == "new" and from_json(to_json(new), Later) == new and to_json(new) != text
