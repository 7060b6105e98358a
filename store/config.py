"""A run's configuration: one frozen value, checked in one pass, stored whole so that any run can be repeated."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from knowledge.kubernetes.topics import BUILT_IN, TOPICS, unknown_topics
from store.control_arms import ARMS, PLACEBO, TUNED_RETRIEVAL
from store.metrics import JUDGE_METRICS

EMBEDDED_STUDENT = "embedded"
"""The student that ships inside a package: SmolLM2-135M-Instruct."""
OFFLINE_TEACHER = "knowledge-base"
"""The teacher that needs no network: it asks about passages and answers in the passages' own words."""
MISSION_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The layer names that LoRA is asked to wrap; the student resolves them against its real layers."""

PRECISIONS = ("auto", "fp32", "bf16", "fp16", "nf4")
ADAPTERS = ("continue", "fresh")
HEADLINES = ("choice_accuracy", "reference_nll", "answer_similarity", "fact_recall", "rouge_l", "chrf",
             "factual_correctness", "faithfulness")


class InvalidConfig(ValueError):
    """One or more values cannot be used; `errors` holds a sentence for each, all found in one pass."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run does. Units stand in the names; ratios are 0..1."""

    preset: str = "embedded"
    teacher: str = OFFLINE_TEACHER
    """`knowledge-base` (offline) or a model name at an OpenAI-compatible endpoint."""
    teacher_base_url: str | None = None
    """Address of a compatible endpoint; None means the OpenAI API."""
    student: str = EMBEDDED_STUDENT
    """`embedded`, a Hugging Face id, or a local model folder."""
    precision: str = "auto"
    """How the student's weights are held: auto (by probe), fp32, bf16, fp16 or nf4 (4-bit)."""
    max_cost_usd: float | None = None
    """What the teacher's calls may cost at list prices; then asking ends, and the run goes on with what it has."""
    knowledge: str = BUILT_IN
    """`kubernetes-1.28`, or a folder of Markdown, text, HTML or PDF."""
    knowledge_name: str = ""
    """What prompts and pages call a folder's domain; empty takes the folder's name."""
    topics: tuple[str, ...] = tuple(topic.slug for topic in TOPICS)
    """What is trained; empty, with a folder, means all of its topics."""
    questions: int = 12
    """Practice questions a cycle."""
    cycles: int = 1
    held_out: int = 12
    """Locked test questions of the whole run, from passages that are never trained on."""
    held_out_set: str = ""
    """Name of a held-out set that several runs share; the first run that names it draws it, and locks it."""
    paraphrases: int = 0
    """A cycle's practised facts asked again in other words; never trained on in that wording."""
    new_topics: tuple[str, ...] = ()
    """Topics that are tested and never trained."""
    new_topic_questions: int = 0
    general: int = 0
    """Everyday questions that watch for forgetting: the project's own, never trained on."""
    fine_tune: bool = True
    steps: int = 100
    """Optimizer steps a cycle."""
    learning_rate: float = 2e-4
    batch_size: int = 4
    gradient_accumulation: int = 1
    gradient_checkpointing: bool = True
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    target_modules: tuple[str, ...] = MISSION_TARGETS
    adapter: str = "continue"
    """`continue`: cycle k trains on from the adapter of cycle k-1; `fresh`: every cycle starts anew."""
    max_sequence_tokens: int = 512
    max_new_tokens: int = 96
    temperature: float = 0.0
    """0 is greedy decoding; above it sampling, seeded per question."""
    top_p: float = 0.95
    top_k: int = 50
    repetition_penalty: float = 1.1
    max_answer_seconds: float = 300.0
    gpu_memory_cap_gb: float | None = None
    seed: int = 42
    headline: str = "choice_accuracy"
    """The metric that decides the verdict on the held-out set, named before the run starts."""
    judge: str = ""
    """A judge model at an OpenAI-compatible endpoint, for what only a language model can judge; empty: none."""
    judge_base_url: str | None = None
    """Its address; None means the OpenAI API."""
    judge_metrics: tuple[str, ...] = JUDGE_METRICS
    """What it judges by."""
    arms: tuple[str, ...] = ()
    """Control arms that answer the held-out test too, after the last cycle; `store/control_arms.py` has them."""
    learning_curve: bool = False
    """Weigh the held-out test after 25 and 50% of each cycle's steps too; no answer is generated for it."""
    name: str = ""
    """What a person calls this run; empty is fine."""


_PHI_2 = RunConfig(
    preset="phi-2", teacher="gpt-4o-mini", student="microsoft/phi-2", precision="nf4", batch_size=1,
    gradient_accumulation=4, max_sequence_tokens=1024, max_new_tokens=500, temperature=0.8, gpu_memory_cap_gb=3.0,
)

PRESETS: dict[str, RunConfig] = {"embedded": RunConfig(), "phi-2": _PHI_2}

# field -> (lowest, highest), both allowed.
RANGES: dict[str, tuple[float, float]] = {
    "questions": (1, 50), "cycles": (1, 10), "held_out": (0, 200),
    "paraphrases": (0, 50), "new_topic_questions": (0, 200), "general": (0, 36),
    "steps": (1, 10_000),
    "learning_rate": (1e-6, 1e-1), "batch_size": (1, 64), "gradient_accumulation": (1, 64),
    "lora_rank": (1, 256), "lora_alpha": (1, 512), "lora_dropout": (0, 0.9),
    "max_sequence_tokens": (64, 8192), "max_new_tokens": (1, 2048), "temperature": (0, 2), "top_p": (0.01, 1),
    "top_k": (0, 1000), "repetition_penalty": (0.5, 2), "max_answer_seconds": (1, 3600), "seed": (0, 2**31 - 1),
}
CHOICES: dict[str, tuple[str, ...]] = {"precision": PRECISIONS, "adapter": ADAPTERS, "headline": HEADLINES}


def preset(name: str, /, **changes: Any) -> RunConfig:
    """A preset with some values changed, checked.

    Raises:
        InvalidConfig: no such preset, or any value that `check` refuses.
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise InvalidConfig([f"unknown preset {name!r}: use one of {', '.join(PRESETS)}{hint}"])
    return check(dataclasses.replace(PRESETS[name], **changes))


def check(config: RunConfig) -> RunConfig:
    """The same configuration, when every value can be used.

    Raises:
        InvalidConfig: with a sentence for every value that cannot, not only for the first.
    """
    errors = [*_topic_errors(config), *_arm_errors(config), *_judge_errors(config)]
    if config.max_cost_usd is not None and not 0 < config.max_cost_usd < float("inf"):
        errors.append(f"max_cost_usd {config.max_cost_usd!r} is out of range: use an amount above 0")
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,64}", config.held_out_set) or config.held_out_set.startswith("."):
        errors.append(f"held_out_set {config.held_out_set!r} is no name: use letters, digits, '-' and '_', up to 64")
    if config.preset not in PRESETS:
        errors.append(f"unknown preset {config.preset!r}: use one of {', '.join(PRESETS)}")
    errors += [_out_of_range(field, getattr(config, field)) for field in RANGES if not _in_range(config, field)]
    errors += [
        f"{field} {getattr(config, field)!r} is not one of {', '.join(allowed)}"
        for field, allowed in CHOICES.items() if getattr(config, field) not in allowed
    ]
    errors += [f"{field} is empty" for field in ("teacher", "student") if not getattr(config, field).strip()]
    if config.fine_tune and not config.target_modules:
        errors.append("target_modules is empty: fine-tuning has no layer to adapt")
    if config.teacher_base_url and not config.teacher_base_url.startswith(("http://", "https://")):
        errors.append(f"teacher_base_url {config.teacher_base_url!r} does not begin with http:// or https://")
    errors += _secret_errors(config.teacher_base_url or "")
    if errors:
        raise InvalidConfig(errors)
    return config


def to_json(config: RunConfig) -> str:
    """The configuration as canonical JSON: equal configurations give equal text.

    A field added after the first release has `metadata["was"]`: the value that describes how runs behaved before the
    field existed. At that value it is left out, so that checkpoints of an older run, which hash this text, still fit.
    """
    earlier = earlier_values(type(config))
    return json.dumps({name: value for name, value in dataclasses.asdict(config).items()
                       if name not in earlier or value != earlier[name]}, sort_keys=True)


def from_json(text: str | Mapping[str, Any], form: type[RunConfig] = RunConfig) -> RunConfig:
    """The configuration that `to_json` wrote.

    Fields that this version does not know are left out; a field that the text does not have takes its
    `metadata["was"]`, not its default: an older run did what was usual then.
    """
    values = dict(json.loads(text)) if isinstance(text, str) else dict(text)
    known = {field.name for field in dataclasses.fields(form)}
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key in known}
    return form(**earlier_values(form) | values)


def earlier_values(form: type[RunConfig] = RunConfig) -> dict[str, Any]:
    """For each field added later, the value that describes runs made before it existed."""
    return {field.name: field.metadata["was"] for field in dataclasses.fields(form) if "was" in field.metadata}


def _topic_errors(config: RunConfig) -> list[str]:
    """A folder's topics are only known once it is read; the built-in ones are checked here."""
    built_in = config.knowledge == BUILT_IN
    errors = unknown_topics((*config.topics, *config.new_topics)) if built_in else []
    if built_in and not config.topics:
        errors.append("no topics chosen: choose at least one")
    if len(set(config.topics)) < len(config.topics):
        errors.append("a topic is named twice")
    if both := sorted(set(config.topics) & set(config.new_topics)):
        errors.append(f"topics {', '.join(both)} are both trained and new: a new topic is never trained")
    if bool(config.new_topics) != bool(config.new_topic_questions):
        errors.append("new_topics and new_topic_questions go together: name the topics and how many questions")
    return errors


def _arm_errors(config: RunConfig) -> list[str]:
    """Control arms answer the held-out test, and some of them need an adapter."""
    errors = [f"unknown control arm {arm!r}: use {', '.join(ARMS)}" for arm in config.arms if arm not in ARMS]
    if (config.arms or config.learning_curve) and not config.held_out:
        errors.append("control arms and the learning curve answer the held-out test: set held_out above 0")
    if not config.fine_tune:
        errors += [f"control arm {arm!r} needs fine-tuning, which is off" for arm in (TUNED_RETRIEVAL, PLACEBO)
                   if arm in config.arms]
        errors += ["the learning curve needs fine-tuning, which is off"] if config.learning_curve else []
    return errors


def _judge_errors(config: RunConfig) -> list[str]:
    """What a judge model is asked for, and that a verdict by its score has one."""
    errors = [f"unknown judge metric {metric!r}: use {', '.join(JUDGE_METRICS)}" for metric in config.judge_metrics
              if metric not in JUDGE_METRICS]
    if config.judge and not config.judge_metrics:
        errors.append("judge_metrics is empty: name what the judge judges by, or leave the judge out")
    if config.judge_base_url and not config.judge_base_url.startswith(("http://", "https://")):
        errors.append(f"judge_base_url {config.judge_base_url!r} does not begin with http:// or https://")
    if config.judge_base_url and not config.judge.strip():
        errors.append("judge_base_url without a judge: name the model")
    if config.headline in JUDGE_METRICS and not (config.judge and config.headline in config.judge_metrics):
        errors.append(f"headline {config.headline!r} needs a judge model that judges by it")
    return errors


def _secret_errors(address: str) -> list[str]:
    """A configuration is stored and shown, so nothing secret may stand in it; the value itself is not repeated here."""
    parts = urlsplit(address)
    if "@" in parts.netloc or re.search(r"(key|token|secret|password|sig)=", parts.query, re.IGNORECASE):
        return ["teacher_base_url holds a password or key, and would be stored with the run: give the address alone, "
                "and the key in OPENAI_API_KEY"]
    return []


def _in_range(config: RunConfig, field: str) -> bool:
    low, high = RANGES[field]
    value = getattr(config, field)
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _out_of_range(field: str, value: object) -> str:
    low, high = RANGES[field]
    return f"{field} {value!r} is out of range: use {low:g} to {high:g}"
