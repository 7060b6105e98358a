"""The card of an exported student, made from the run's record alone. Pure: nothing in it was not recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence

from store.files import sha256_of
from store.metrics import METRICS
from store.queries import ChangeRow, Cycle, Run
from store.queries.best_adapter import BestAdapter
from store.run_config import EMBEDDED_STUDENT, OFFLINE_TEACHER, to_json

_EMBEDDED_BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"


def base_of(run: Run) -> str:
    """The base model by the name that people know it under."""
    return _EMBEDDED_BASE if run.config.student == EMBEDDED_STUDENT else run.config.student


def model_card(run: Run, cycle: Cycle, changes: Sequence[ChangeRow], best: BestAdapter | None, form: str,
               held: str, prompt: str = "") -> str:
    """Markdown with the front matter that a hub reads.

    Args:
        held: a sentence on the precision of what is exported.
        prompt: the form in which it was taught to be asked, where it is known.
    """
    parts = [_front_matter(run, form), f"# {run.config.student}, distilled in cycle {cycle.cycle} of run {run.id}",
             _result(run, cycle), _prompt_section(run, prompt), _scores(changes), _training(run, cycle, held),
             _data(run),
             _limits(run, best), _hashes(run, cycle)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(run: Run, form: str) -> str:
    library = "peft" if form == "adapter" else "transformers"
    return "\n".join(("---", f"base_model: {json.dumps(base_of(run))}", f"library_name: {library}",
                      "pipeline_tag: text-generation", "tags:", "- knowledge-distillation", "- lora", "---"))


def _result(run: Run, cycle: Cycle) -> str:
    said = cycle.sentence or "This cycle was not compared."
    verdict = (cycle.verdict or "not measured").capitalize()
    return f"**{verdict}** by {run.config.headline}, named before the run. {said}"


def _prompt_section(run: Run, prompt: str) -> str:
    if not prompt:
        return ""
    config = run.config
    how = "greedy" if config.temperature == 0 else f"temperature {config.temperature:g}, top_p {config.top_p:g}"
    return (f"## Asking it\n\nIt was taught and tested with this prompt, without any system prompt, decoded {how} with "
            f"repetition penalty {config.repetition_penalty:g}:\n\n```\n{prompt}\n```")


def _scores(changes: Sequence[ChangeRow]) -> str:
    """Every tier and metric, all topics together; intervals always."""
    rows = [row for row in changes if not row.topic]
    if not rows:
        return "## Scores\n\nNone were recorded."
    lines = ["## Scores", "", "Paired, question by question: the untrained student against this one. The interval is "
             "95% and clustered by passage.", "",
             "| questions | metric | before | after | change | 95% interval | pairs | verdict |", "| " + "--- | " * 8]
    for row in rows:
        better = "more" if METRICS[row.metric].better > 0 else "less"
        lines.append(f"| {row.tier} | {row.metric} ({better} is better) | {_number(row.baseline)} | "
                     f"{_number(row.tuned)} | {_number(row.change, '+')} | {_number(row.low, '+')} to "
                     f"{_number(row.high, '+')} | {row.scored} of {row.asked} | {row.verdict} |")
    return "\n".join(lines)


def _training(run: Run, cycle: Cycle, held: str) -> str:
    config, told, plan = run.config, cycle.training or {}, run.plan or {}
    layers = ", ".join(told.get("matched_modules", ())) or "not recorded"
    go_on = told.get("continued_from")
    return "\n".join((
        "## Training", "",
        f"- LoRA rank {config.lora_rank}, alpha {config.lora_alpha}, on {layers}",
        f"- {told.get('steps', 'an unknown number of')} optimizer steps at {config.learning_rate:g}, "
        f"{config.batch_size * config.gradient_accumulation} examples a step, seed {config.seed}"
        + (f", continued from {go_on}" if go_on else ", from scratch"),
        f"- loss {_number(told.get('first_loss'))} at first, {_number(told.get('last_loss'))} at last",
        f"- held in {plan.get('precision', 'an unknown precision')} on {plan.get('device', 'an unknown device')}: "
        f"{plan.get('reason', 'no plan recorded')}", f"- exported: {held}"))


def _data(run: Run) -> str:
    config = run.config
    teacher = "the knowledge base itself, in its own words" if config.teacher == OFFLINE_TEACHER else config.teacher
    name = config.knowledge_name or config.knowledge.rstrip("/").rpartition("/")[2]
    return "\n".join((
        "## Data", "", f"- knowledge: {name}; topics: {', '.join(config.topics) or 'all'}",
        f"- references by {teacher}",
        f"- {config.questions} practice questions a cycle; {config.held_out} held-out questions from passages that no "
        "training question rests on"))


def _limits(run: Run, best: BestAdapter | None) -> str:
    lines = ["## Limits", "",
             f"- The scores speak of questions like the {run.config.held_out} held-out ones on these topics, not of "
             "anything else, and not of another training with another seed.",
             "- Similarity of wording is not correctness: an answer with every statement negated still scores high.",
             "- Nothing was tested for safety, bias, or use outside of the domain."]
    if run.config.teacher == OFFLINE_TEACHER:
        lines.append("- The references are the knowledge base's own words, not an independent expert's.")
    return "\n".join([*lines, *([f"- {best.sentence}"] if best else [])])


def _hashes(run: Run, cycle: Cycle) -> str:
    told = {"adapter weights": cycle.adapter_sha256, "knowledge": run.knowledge_hash,
            "held-out questions": run.held_out_hash, "configuration": sha256_of(to_json(run.config).encode())}
    return "\n".join(["## Hashes", "", *(f"- {name}: `{value or 'not recorded'}`" for name, value in told.items())])


def _number(value: object, sign: str = "") -> str:
    return f"{value:{sign}.3f}" if isinstance(value, int | float) else "missing"
