"""The configuration of a run: one frozen dataclass with every setting, and its JSON form.

`presets.py` has its presets, `config_checks.py` its validation.

Each field is declared with `setting`: range, choices, unit, flag, labels and help text stand there and nowhere else.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knowledge.kubernetes.topics import BUILT_IN, TOPICS
from store.config_metadata import Switch, choices_of, ranges_of, setting
from store.control_arms import ARMS
from store.metrics import JUDGE_METRICS, METRICS

EMBEDDED_STUDENT = "embedded"
"""The student that ships inside a package: SmolLM2-135M-Instruct."""
OFFLINE_TEACHER = "knowledge-base"
"""The teacher that needs no network: it takes questions and reference answers from the passages themselves."""
DEFAULT_TARGET_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Default names of the layers that LoRA adapts; the student resolves them against its real layers."""

EFFORTS = ("auto", "unset", "none", "low", "medium", "high", "xhigh", "max")
"""Reasoning efforts. `auto` and `unset` decide whether one is sent; the others are sent as they are."""
HELD_OUT, TAUGHT = "held-out", "paraphrase"
"""Stored names of the tiers that can be the headline: facts never taught; taught facts in other words."""
WRITTEN_STUDY = ("teacher", "both")
"""Values of `study` for which a chat teacher writes facts."""
NO_MARGIN = 0.0
"""The margin of runs that were made before one was named; a new run cannot have it."""
STUDY_PASSES = 60.0
STUDY_REPLAY = 0.15

PRECISIONS = ("auto", "fp32", "bf16", "fp16", "nf4")
HEADLINES = ("choice_accuracy", "binding", "choice_pmi", "reference_nll", "answer_similarity", "fact_recall", "rouge_l",
             "chrf", "factual_correctness", "faithfulness")


class InvalidConfig(ValueError):
    """One or more values are invalid; `errors` has one sentence for each of them."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


RUN, MODELS, DATA = "Run", "Teacher and student", "Data and test"
TRAINING, EVALUATION, CONTROL_ARMS = "Training and generation", "Evaluation", "Control arms"
_SET_ONLY = ""
"""No flag of its own: `--set FIELD=VALUE`."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run does. Units are part of the names; ratios are 0..1.

    Each field is declared once, with all that any page, command or document says about it.
    """

    preset: str = setting(
        "embedded", label="Preset", group=RUN, form="hidden",
        choices={"embedded": "embedded (offline, CPU)", "phi-2": "phi-2 (GPT-4o-mini, GPU)"}, one_in_group=True,
        help="Where all other defaults come from. embedded: everything offline on the CPU, in minutes. phi-2: "
        "GPT-4o-mini teaches Phi-2 with 4-bit QLoRA; needs an API key, and a GPU to be quick.")
    teacher: str = setting(
        OFFLINE_TEACHER, label="Teacher", group=MODELS, affects=("duration", "work", "variance"),
        help="The model that writes questions and reference answers: knowledge-base (offline, no model), or a model "
        "name at an OpenAI-compatible endpoint.")
    teacher_base_url: str | None = setting(
        None, label="Teacher API base URL", group=MODELS, metavar="URL", affects=("work",), empty="the OpenAI API",
        help="Base URL of the teacher's OpenAI-compatible endpoint, such as vLLM, Ollama or a gateway.")
    question_form: str = setting(
        "auto", label="How the teacher is asked", group=MODELS, was="passages", form="expert", role="teacher",
        choices={"auto": "as the model manages", "passages": "four passages a call, evidence quoted",
                 "numbered": "one passage a call, evidence by number", "sentence": "one sentence a call, plain text"},
        help="The form in which a chat teacher is asked for questions. auto begins with passages, with numbered for "
        "a model whose name states at most 8 billion parameters, with sentence at most half a billion, and goes on to "
        "a simpler form when less than a quarter of the drafts are valid.")
    student: str = setting(
        EMBEDDED_STUDENT, label="Student", group=MODELS, affects=("duration", "work", "variance"),
        help="The model that is fine-tuned: embedded (SmolLM2-135M-Instruct), a Hugging Face id, or a local model "
        "folder.")
    student_server: str | None = setting(
        None, label="Student server", group=MODELS, metavar="URL", was=None, empty="this machine", form="expert",
        affects=("duration", "work"),
        help="Base URL of a server with the student's weights that speaks vLLM's form of /v1/completions: it answers "
        "and scores, and loads each cycle's adapter. Training stays on this machine.")
    own_chat_template: bool = setting(
        True, label="The student's own chat template", group=MODELS, flag="--no-own-chat-template", was=False,
        form="expert",
        help="Ask the student in its own chat template, if it has one, in training, test and export. Otherwise ChatML "
        "where the vocabulary has its markers, else plain text.")
    precision: str = setting(
        "auto", label="Precision", group=MODELS, choices=PRECISIONS, affects=("duration", "work"),
        help="Data type of the student's weights. auto benchmarks this machine and picks the fastest; nf4 is 4-bit "
        "(QLoRA).")
    max_cost_usd: float | None = setting(
        None, label="Teacher budget, USD", group=MODELS, unit="USD", metavar="USD", step=0.1, empty="no limit",
        one_in_group=True,
        help="The most that the teacher's calls may cost at list prices. When it is spent, no further calls are made "
        "and the run goes on with what it has. The offline teacher costs nothing.")
    teacher_effort: str = setting(
        "auto", label="Teacher's reasoning effort", group=MODELS, choices=EFFORTS, was="unset", role="teacher",
        help="How much the teacher reasons before it replies, at the price of a reply. auto asks for none where the "
        "price list says that the model reasons by default, and sends nothing to others; unset sends nothing to any. "
        "An endpoint that refuses the option is asked without it.")
    max_reply_tokens: int = setting(
        8192, label="Longest reply", group=MODELS, unit="tokens", range=(32, 131_072), form="expert", was=8192,
        help="The most tokens of one reply of teacher or judge, reasoning included. A reply that is cut off at its "
        "first limit is asked for once more with a larger one, in proportion to this bound. No limit is above it.")
    max_wait_seconds: float = setting(
        3600.0, label="Longest wait for a rate limit", group=MODELS, unit="seconds", range=(0, 604_800),
        form="expert", was=3600.0,
        help="The longest wait that the teacher's endpoint may ask for. For a longer one the run pauses itself with "
        "the reason, and resume continues it.")
    knowledge: str = setting(
        BUILT_IN, label="Folder of documents", group=DATA, metavar="DIR", affects=("work", "variance"), max_chars=1000,
        empty="the built-in Kubernetes v1.28", one_in_group=True,
        help="A folder of documents on this machine, instead of the built-in Kubernetes v1.28: Markdown, AsciiDoc, "
        "text, HTML, PDF, Word, PowerPoint, EPUB, notebooks, OpenAPI or JSON Schema. Or a git "
        "repository (git+https://host/repo.git@ref#subdirectory=docs) or an archive, kept by commit or hash.")
    knowledge_name: str = setting(
        "", label="Domain name", group=DATA, empty="the folder's name", max_chars=80, one_in_group=True,
        help="What prompts and pages call the domain of the folder of documents.")
    practice: str = setting(
        "", label="Own practice set", group=DATA, metavar="FILE", affects=("work", "variance"), max_chars=1000, was="",
        form="hidden", empty="the teacher writes it",
        help="A CSV or JSON lines file with the columns question and answer, and optionally passage, topic and split: "
        "trained on instead of the teacher's questions. Without a folder of documents nothing else is used.")
    test: str = setting(
        "", label="Own test", group=DATA, metavar="FILE", affects=("work", "variance"), max_chars=1000, was="",
        form="hidden", empty="the teacher writes it", one_in_group=True,
        help="A CSV or JSON lines file like that of the practice set, asked as the locked test instead of the "
        "teacher's. The rows that split marks as test in a practice set are its test where none is named.")
    review: bool = setting(
        False, label="Pause after questions", group=DATA, was=False, one_in_group=True,
        help="Draft the test, its references and all training questions first, and wait until people have approved, "
        "edited or rejected them on the page Dataset or with the command dataset. Only then does any student answer.")
    topics: tuple[str, ...] = setting(
        tuple(topic.slug for topic in TOPICS), label="Topics", group=DATA, form="main",
        empty="all topics of the folder", one_in_group=True,
        help="Topics that questions are generated about. Default: all topics.")
    questions: int = setting(
        12, label="Training questions per cycle", group=DATA, form="main", unit="questions", range=(1, 1000),
        slider=(1, 50), affects=("duration", "amount"),
        help="Training questions per cycle. The teacher writes them with reference answers and the student is trained "
        "on them.")
    cycles: int = setting(
        1, label="Cycles", group=DATA, form="main", unit="cycles", range=(1, 10), slider=(1, 10),
        affects=("amount",),
        help="Each cycle generates new training questions and trains once more. The held-out test stays the same, so "
        "that cycles can be compared.")
    held_out: int = setting(
        12, label="Held-out questions", group=DATA, form="main", unit="questions", range=(0, 1000), slider=(0, 200),
        affects=("duration", "amount"), one_in_group=True,
        help="Questions of the held-out test, from passages that are never trained on. The test is fixed for the "
        "whole run and decides the verdict.")
    dev_questions: int = setting(
        0, label="Development questions", group=DATA, unit="questions", range=(0, 200), was=0, form="expert",
        affects=("duration", "amount"), one_in_group=True,
        help="Questions like those that decide the verdict, on which the run chooses its cycle. With them the test is "
        "answered once, at the end, by the chosen cycle's student. 0: the test is answered in every cycle, and the "
        "last cycle's verdict is the run's.")
    hold_test: bool = setting(
        False, label="Hold the test back", group=DATA, was=False, form="hidden", flag=_SET_ONLY, one_in_group=True,
        help="In a group with development questions: leave the test unanswered until the group's settings are chosen "
        "on them. A sweep of several settings sets it.")
    held_out_set: str = setting(
        "", label="Shared test set", group=DATA, empty="new for this run", max_chars=64, one_in_group=True,
        help="Name of a held-out test that several runs share, so that they can be compared. The first run that names "
        "it generates its questions.")
    paraphrases: int = setting(
        0, label="Paraphrases per cycle", group=DATA, unit="questions", range=(0, 50), affects=("duration", "amount"),
        form="expert",
        help="Further test questions about taught facts, generated in each cycle after its training questions.")
    taught_questions: int = setting(
        60, label="Questions on taught facts", group=DATA, unit="questions", range=(0, 1000), slider=(0, 200),
        affects=("duration", "amount"), was=0, one_in_group=True,
        help="Test questions about facts that are trained on, in wordings that never are: at most one for each "
        "training question. They are fixed before anything is generated for training.")
    new_topics: tuple[str, ...] = setting(
        (), label="Unseen topics", group=DATA, empty="none", one_in_group=True,
        help="Topics that are tested and never trained on: they show what generalizes. A topic that is trained on "
        "cannot be one of them.")
    new_topic_questions: int = setting(
        0, label="Questions on unseen topics", group=DATA, unit="questions", range=(0, 200),
        affects=("duration", "amount"), one_in_group=True,
        help="Test questions on all unseen topics together.")
    general: int = setting(
        0, label="Forgetting check (general questions)", group=DATA, unit="questions", range=(0, 36),
        affects=("duration", "amount"), one_in_group=True,
        help="General-knowledge questions, never trained on, that show what the student forgot. They are part of the "
        "project and about no domain.")
    fine_tune: bool = setting(
        True, label="Fine-tuning", group=TRAINING, form="main", flag="--no-finetune", affects=("duration", "work"),
        one_in_group=True,
        help="Without fine-tuning, no adapter is trained and only the baseline student is measured.")
    study: str = setting(
        "rules", label="Study items", group=TRAINING, affects=("duration", "work"), was="off",
        choices={"rules": "many forms of each fact, by rule", "teacher": "facts and wordings that the teacher writes",
                 "both": "by rule and by the teacher, half each", "off": "one wording of each fact"},
        help="What each fact is trained in, with the facts of all earlier cycles again. rules: many wordings and forms "
        "of it, made from its passage. teacher: each passage's facts in five wordings, with questions forward and "
        "backward, written by a chat teacher in one or two calls a passage. both: half of each. off: its training "
        "question and reference answer alone, this cycle's facts only.")
    study_forms: str = setting(
        "questions", label="Forms of study items", group=TRAINING, was="mixed", form="expert", flag=_SET_ONLY,
        choices={"questions": "three quarters are questions, a third of these noised",
                 "mixed": "45% questions; the rest titles, short answers, gaps, order, reverse, text"},
        help="Which forms the items made by rule are shown in. questions: mostly questions, as written, in wordings by "
        "rule, and with words left out, moved or mixed. mixed: fewer questions, more parts of the passage. Only with "
        "study items made by rule.")
    steps: int = setting(
        100, label="Max steps per cycle", group=TRAINING, unit="steps", range=(1, 10_000),
        affects=("duration", "amount"),
        help="Optimizer steps per cycle. The loss on the page Live shows whether fewer would do. Used where neither "
        "passes nor minutes are set.")
    passes: float | None = setting(
        STUDY_PASSES, label="Presentations per fact", group=TRAINING, unit="presentations", range=(0.1, 10_000),
        step=5.0, affects=("duration", "amount"), was=None, empty="the steps decide",
        help="How often each fact is presented in a cycle's training, in whatever form; the number of steps follows.")
    minutes: float | None = setting(
        None, label="Training minutes per cycle", group=TRAINING, unit="minutes", range=(0.1, 10_000), step=5.0,
        affects=("duration", "amount"), was=None, empty="no time budget",
        help="Time budget of a cycle's training. It becomes a number of steps once, before training, by the speed that "
        "this machine reached last.")
    keep_best_step: bool = setting(
        False, label="Keep the best step", group=TRAINING, was=False, form="expert", affects=("duration", "work"),
        help="Score each cycle's training on the development questions after every eighth of its steps, and keep the "
        "adapter of the best step instead of the last one. Needs development questions.")
    early_stopping_patience: int = setting(
        0, label="Early stopping patience", group=TRAINING, unit="evaluations", range=(0, 8), was=0, form="expert",
        affects=("duration", "work"),
        help="End a cycle's training once so many evaluations in a row on the development questions, one after every "
        "eighth of its steps, were no better than the best before them, and keep the adapter of the best step. 0: "
        "train all steps.")
    general_replay: float = setting(
        STUDY_REPLAY, label="General replay", group=TRAINING, unit="share", range=(0, 0.9), step=0.05, form="expert",
        affects=("duration", "work"), was=0.0,
        help="Share of the training examples that are the untrained student's own answers to general questions, so "
        "that it forgets less. Only with study items.")
    document_share: float = setting(
        0.05, label="Documents as text", group=TRAINING, unit="share", range=(0, 0.9), step=0.05, form="expert",
        flag=_SET_ONLY, was=0.1,
        help="Share of a fact's presentations that are its passage as text under its title: nothing is asked, and "
        "every token is learned. Only with study items.")
    reading_share: float = setting(
        0.0, label="Reading share", group=TRAINING, unit="share", range=(0, 1), step=0.05, was=0.0,
        affects=("duration", "work"),
        help="Share of the presentations that show passages before the question, as in retrieval: the right one among "
        "others, and in a twentieth of them absent, so that the answer is that the notes do not say. Answers quote. "
        "They ask about passages that are not taught; the other presentations stay closed-book. Needs the control arms "
        "retrieval and tuned+retrieval, whose difference is the verdict on reading.")
    learning_rate: float = setting(
        1.5e-3, label="Learning rate", group=TRAINING, range=(1e-6, 1e-1), step=5e-5,
        help="Peak learning rate of AdamW. Too high a rate makes the student forget what it knew.")
    batch_size: int = setting(
        8, label="Batch size", group=TRAINING, unit="examples", range=(1, 64), form="expert",
        affects=("duration", "amount"),
        help="Training examples per forward and backward pass.")
    gradient_accumulation: int = setting(
        1, label="Gradient accumulation", group=TRAINING, unit="batches", range=(1, 64), form="expert", flag=_SET_ONLY,
        affects=("duration", "amount"),
        help="Batches per optimizer step.")
    gradient_checkpointing: bool = setting(
        True, label="Gradient checkpointing", group=TRAINING, form="expert", flag=_SET_ONLY,
        help="Recompute activations in the backward pass where they do not fit in memory, which costs time.")
    lora_rank: int = setting(
        32, label="LoRA rank", group=TRAINING, range=(1, 256), form="expert",
        help="Rank of the LoRA matrices.")
    lora_alpha: int = setting(
        64, label="LoRA alpha", group=TRAINING, range=(1, 512), form="expert", flag=_SET_ONLY,
        help="LoRA scaling: the update is multiplied by alpha / rank.")
    lora_dropout: float = setting(
        0.0, label="LoRA dropout", group=TRAINING, range=(0, 0.9), form="expert", flag=_SET_ONLY,
        help="Dropout probability in the LoRA layers during training.")
    target_modules: tuple[str, ...] = setting(
        DEFAULT_TARGET_MODULES, label="Target modules", group=TRAINING, form="expert", flag=_SET_ONLY,
        help="Names of the linear layers that get a LoRA adapter, resolved against the layers that the student has.")
    adapter: str = setting(
        "continue", label="Start from", group=TRAINING,
        choices={"continue": "previous adapter", "fresh": "base model"},
        help="Where a cycle's training starts. continue: from the adapter of the previous cycle; fresh: from the base "
        "model.")
    max_sequence_tokens: int = setting(
        512, label="Max sequence length", group=TRAINING, unit="tokens", range=(64, 8192), form="expert",
        flag=_SET_ONLY, affects=("duration",),
        help="Longest training example; longer ones are truncated.")
    max_new_tokens: int = setting(
        96, label="Max new tokens", group=TRAINING, unit="tokens", range=(1, 2048), affects=("duration", "work"),
        help="Longest answer that is generated; the same limit for the baseline and the fine-tuned student.")
    temperature: float = setting(
        0.0, label="Temperature", group=TRAINING, range=(0, 2), slider=(0, 2), step=0.05,
        affects=("duration", "work"),
        help="Sampling temperature of the student. 0 is greedy decoding: the same answer every time; above 0, each "
        "question has its own seed.")
    top_p: float = setting(
        0.95, label="Top p", group=TRAINING, range=(0.01, 1), form="expert", flag=_SET_ONLY,
        help="Nucleus sampling: only the most likely tokens with this total probability. No effect at temperature 0.")
    top_k: int = setting(
        50, label="Top k", group=TRAINING, unit="tokens", range=(0, 1000), form="expert", flag=_SET_ONLY,
        help="Sample from this many most likely tokens; 0 is all of them. No effect at temperature 0.")
    repetition_penalty: float = setting(
        1.1, label="Repetition penalty", group=TRAINING, range=(0.5, 2), form="expert", flag=_SET_ONLY,
        help="Penalty on tokens that already occurred; 1 is none.")
    penalize_end: bool = setting(
        True, label="Penalize the end of an answer too", group=TRAINING, form="expert", flag=_SET_ONLY, was=False,
        help="The repetition penalty is for the token that ends an answer too, where the prompt holds it, as ChatML's "
        "does. Every inference engine does so, so that an export answers as it was measured. Off: that token is "
        "exempt.")
    max_answer_seconds: float = setting(
        300.0, label="Answer timeout", group=TRAINING, unit="seconds", range=(1, 3600), form="expert", flag=_SET_ONLY,
        help="Generation of an answer stops after this time.")
    gpu_memory_cap_gb: float | None = setting(
        None, label="GPU memory limit", group=TRAINING, unit="GB", form="expert", flag=_SET_ONLY, empty="no limit",
        help="Most GPU memory that the student may use.")
    seed: int = setting(
        42, label="Seed", group=RUN, range=(0, 2**31 - 1), in_every_command=True,
        help="Random seed. The same configuration and seed repeat a run exactly.")
    training_seed: int | None = setting(
        None, label="Training seed", group=RUN, range=(0, 2**31 - 1), was=None, empty="the seed", form="expert",
        help="Seed of the training alone: the adapter's first weights, dropout, and the order of the examples. Runs "
        "that differ in it ask the same questions.")
    headline: str = setting(
        "choice_accuracy", label="Headline metric", group=EVALUATION,
        choices={name: METRICS[name].title for name in HEADLINES}, one_in_group=True,
        help="The metric that decides the verdict, chosen before the run starts.")
    headline_tier: str = setting(
        TAUGHT, label="Headline test", group=EVALUATION, was=HELD_OUT,
        choices={TAUGHT: "taught facts, asked in other words", HELD_OUT: "facts never taught"}, one_in_group=True,
        help="The questions that decide the verdict, chosen before the run starts. Taught facts in wordings that were "
        "never trained show what the student knows now; facts it was never taught show only what carries over.")
    margin: float | None = setting(
        None, label="Margin", group=EVALUATION, unit="of the headline metric", range=(0.001, 1), step=0.01,
        was=NO_MARGIN, empty="the metric's own", one_in_group=True,
        help="The smallest change of the headline metric that matters, chosen before the run starts. A confidence "
        "interval within it shows no relevant change; one that includes zero and reaches beyond it is inconclusive. "
        "Default: 0.05 of an accuracy or share, 0.1 nats per token of a likelihood.")
    judge: str = setting(
        "", label="Judge model", group=EVALUATION, empty="none", one_in_group=True,
        help="Name of a model that scores answers: it adds factual correctness, faithfulness and RAGAS's answer "
        "relevancy. Every call costs.")
    judge_base_url: str | None = setting(
        None, label="Judge API base URL", group=EVALUATION, metavar="URL", empty="the OpenAI API", one_in_group=True,
        help="Base URL of the judge's OpenAI-compatible endpoint; it may differ from the teacher's.")
    judge_effort: str = setting(
        "auto", label="Judge's reasoning effort", group=EVALUATION, choices=EFFORTS, form="expert", was="unset",
        role="judge", one_in_group=True,
        help="How much the judge model reasons before it replies; as for the teacher.")
    judge_metrics: tuple[str, ...] = setting(
        JUDGE_METRICS, label="Judge metrics", group=EVALUATION,
        choices={name: METRICS[name].title for name in JUDGE_METRICS}, form="expert", one_in_group=True,
        help="Metrics that the judge model scores. Default: all of them.")
    arms: tuple[str, ...] = setting(
        (), label="Control arms", group=CONTROL_ARMS, flag=_SET_ONLY, affects=("duration", "work"), empty="none",
        choices={arm.name: arm.title for arm in ARMS.values()},
        switches=[Switch(arm.name, f"--{arm.flag}", arm.how) for arm in ARMS.values()],
        help="Baselines that answer the held-out test too, after the last cycle: cheaper explanations of a gain.")
    question_before_passages: bool = setting(
        True, label="Question before passages too", group=CONTROL_ARMS, was=False, form="expert",
        affects=("work",),
        help="Ask the question before the retrieved passages as well as after them, in the retrieval arms and in "
        "reading items: a model that reads from left to right then knows what to look for. Off: only after them.")
    learning_curve: bool = setting(
        False, label="Evaluate intermediate checkpoints", group=CONTROL_ARMS, affects=("duration", "work"),
        help="Score the held-out test after 25% and 50% of each cycle's steps too, by log-likelihood; no answer is "
        "generated for it.")
    name: str = setting(
        "", label="Name", group=RUN, empty="no name", max_chars=80, one_in_group=True,
        help="A name for this run, for people.")
    teacher_batch: bool = setting(
        False, label="Batches at half price", group=MODELS, affects=("duration",), was=False,
        help="Send the calls to the teacher and to the judge model as batches (OpenAI's Batch API): about half the "
        "price, each answered within 24 hours. The run waits for them without using this machine. Where calls depend "
        "on earlier replies, such as questions asked in rounds, each round is a batch.")
    from_replies: str = setting(
        "", label="Repeat from the replies of run", group=RUN, metavar="RUN", form="hidden", empty="calls are made",
        max_chars=64, was="", one_in_group=True,
        help="Repeat a run from its teacher's stored replies: same questions and references, no call, no key. Its "
        "settings are the defaults. A reply that is not stored is refused by name.")

    @property
    def seed_of_training(self) -> int:
        """The seed that decides the training: `training_seed`, or the run's seed where none is set."""
        return self.seed if self.training_seed is None else self.training_seed

    @property
    def chooses_step(self) -> bool:
        """Whether each cycle keeps the best step of its training, which early stopping implies."""
        return self.keep_best_step or self.early_stopping_patience > 0


RANGES = ranges_of(RunConfig)
"""Field name to lowest and highest value, both allowed."""
CHOICES = choices_of(RunConfig)
"""Field name to the allowed values."""


def to_json(config: RunConfig) -> str:
    """Return the configuration as canonical JSON: equal configurations give equal text.

    A field added after the first release has `metadata["was"]`: the value that describes how runs behaved before the
    field existed. A field with that value is left out, so that the checkpoints of older runs, which hash this text,
    stay valid.
    """
    earlier = earlier_values(type(config))
    return json.dumps({name: value for name, value in dataclasses.asdict(config).items()
                       if name not in earlier or value != earlier[name]}, sort_keys=True)


def from_json(text: str | Mapping[str, Any], form: type[RunConfig] = RunConfig) -> RunConfig:
    """Read a configuration that `to_json` wrote.

    Unknown fields are ignored. A field that is missing in the text takes its `metadata["was"]` if it has one, not its
    default: that value describes how runs behaved before the field existed.
    """
    values = dict(json.loads(text)) if isinstance(text, str) else dict(text)
    known = {field.name for field in dataclasses.fields(form)}
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key in known}
    return form(**earlier_values(form) | values)


def earlier_values(form: type[RunConfig] = RunConfig) -> dict[str, Any]:
    """Return, for each field that was added later, the value that describes runs made before it existed."""
    return {field.name: field.metadata["was"] for field in dataclasses.fields(form) if "was" in field.metadata}
