"""Write the model card of an exported student, from the run's recorded data only. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from knowledge.sources import short_name
from store.analysis.step_choice import step_sentence
from store.data_origin import PEOPLE, RULES, TEACHER, Origin, origin_sentences
from store.files import sha256_of
from store.metrics import METRICS
from store.queries import ChangeRow, Cycle, Run
from store.queries.best_adapter import BestAdapter
from store.run_config import EMBEDDED_STUDENT, OFFLINE_TEACHER, to_json

_EMBEDDED_BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"
_LICENCES = {_EMBEDDED_BASE: "apache-2.0", "microsoft/phi-2": "mit"}
"""Licences as their publishers state them, in SPDX's words."""
_TERMS = {RULES: "quotations of the documents, whose own terms apply",
          TEACHER: "replies of {teacher}, whose provider's terms apply to models trained on them",
          PEOPLE: "questions and answers that people wrote, whose own terms apply"}
"""Kind of writer of the training questions -> what was trained on, with its terms."""


def base_of(run: Run) -> str:
    """Return the public name of the base model."""
    return _EMBEDDED_BASE if run.config.student == EMBEDDED_STUDENT else run.config.student


def base_licence(run: Run) -> str:
    """Return the licence of the base model; empty if it is not known here."""
    return _LICENCES.get(base_of(run), "")


def licence_note(run: Run, origins: Sequence[Origin] = ()) -> str:
    """Return what is known of the terms under which this student may be passed on.

    Args:
        origins: who wrote what it was trained on.
    """
    base = base_licence(run)
    student = f"The base model {base_of(run)} is published under {base}" if base else \
        f"The base model {base_of(run)} has a licence of its own, which is not recorded here"
    kinds = {one.kind for one in origins if one.part == "training"} or {
        RULES if run.config.teacher == OFFLINE_TEACHER else TEACHER}
    taught = " and ".join(text for kind, text in _TERMS.items() if kind in kinds).format(teacher=run.config.teacher)
    return f"{student}. It was trained on {taught}."


def model_card(run: Run, cycle: Cycle, changes: Sequence[ChangeRow], best: BestAdapter | None, form: str,
               precision: str, prompt: str = "", files: Mapping[str, str] | None = None,
               origins: Sequence[Origin] = ()) -> str:
    """Return the card as Markdown, with the YAML front matter of the Hugging Face Hub.

    Args:
        precision: one sentence on the precision of the exported weights.
        prompt: the prompt format of the training, if known.
        files: the exported files with their hashes.
        origins: who wrote the questions and references, and how many people edited.
    """
    parts = [_front_matter(run, form), f"# {run.config.student}, distilled in cycle {cycle.cycle} of run {run.id}",
             _result(run, cycle), _prompt_section(run, prompt), _scores(changes),
             _training(run, cycle, precision), _data(run, origins),
             _limits(run, origins, best.sentence_on(cycle.cycle) if best else ""),
             f"## Licence\n\n{licence_note(run, origins)}",
             _hashes(run, cycle, dict(files or {}))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(run: Run, form: str) -> str:
    library = "peft" if form == "adapter" else "transformers"
    licence = [f"license: {base_licence(run)}"] if base_licence(run) else []
    return "\n".join(("---", f"base_model: {json.dumps(base_of(run))}", *licence, f"library_name: {library}",
                      "pipeline_tag: text-generation", "tags:", "- knowledge-distillation", "- lora",
                      *([f"- {form}"] if form in ("gguf", "openvino", "compressed") else []), "---"))


def _result(run: Run, cycle: Cycle) -> str:
    sentence = cycle.sentence or "This cycle was not compared."
    verdict = (cycle.verdict or "not measured").capitalize()
    return f"**{verdict}** by {run.config.headline}, chosen before the run. {sentence}"


def _prompt_section(run: Run, prompt: str) -> str:
    if not prompt:
        return ""
    config = run.config
    how = "greedy" if config.temperature == 0 else f"temperature {config.temperature:g}, top_p {config.top_p:g}"
    return (f"## Prompt format\n\nIt was trained and tested with this prompt, without a system prompt, with {how} "
            f"decoding and repetition penalty {config.repetition_penalty:g}:\n\n```\n{prompt}\n```")


def _scores(changes: Sequence[ChangeRow]) -> str:
    """Return a table of all tiers and metrics over all topics, with intervals."""
    rows = [row for row in changes if not row.topic]
    if not rows:
        return "## Scores\n\nNone were recorded."
    lines = ["## Scores", "", "Paired by question: the base student and this one. Intervals are 95%, clustered by "
             "passage.", "",
             "| questions | metric | before | after | change | 95% interval | pairs | verdict |", "| " + "--- | " * 8]
    for row in rows:
        better = "higher" if METRICS[row.metric].better > 0 else "lower"
        lines.append(f"| {row.tier} | {row.metric} ({better} is better) | {_number(row.baseline)} | "
                     f"{_number(row.tuned)} | {_number(row.change, '+')} | {_number(row.low, '+')} to "
                     f"{_number(row.high, '+')} | {row.scored} of {row.asked} | {row.verdict} |")
    return "\n".join(lines)


def _training(run: Run, cycle: Cycle, precision: str) -> str:
    config, training, plan = run.config, cycle.training or {}, run.plan or {}
    layers = ", ".join(training.get("matched_modules", ())) or "not recorded"
    start = training.get("continued_from")
    return "\n".join((
        "## Training", "",
        f"- LoRA rank {config.lora_rank}, alpha {config.lora_alpha}, on {layers}",
        f"- {training.get('steps', 'an unknown number of')} optimizer steps at {config.learning_rate:g}, "
        f"{config.batch_size * config.gradient_accumulation} examples a step, seed {config.seed_of_training}"
        + (f", continued from {start}" if start else ", from the base model"),
        *([f"- kept {step_sentence(training['chosen'])}"] if training.get("chosen") else []),
        f"- first loss {_number(training.get('first_loss'))}, last loss {_number(training.get('last_loss'))}",
        f"- trained in {plan.get('precision', 'an unknown precision')} on {plan.get('device', 'an unknown device')}: "
        f"{plan.get('reason', 'no plan recorded')}", f"- exported: {precision}"))


def _data(run: Run, origins: Sequence[Origin]) -> str:
    config = run.config
    teacher = "quotations from the documents (offline teacher)" if config.teacher == OFFLINE_TEACHER else config.teacher
    name = config.knowledge_name or short_name(config.knowledge)
    asked = [f"- reference answers, where people wrote none: {teacher}"] if _by_people(origins) else [
        f"- reference answers: {teacher}",
        f"- {config.questions} training questions per cycle; {config.held_out} held-out questions from passages that "
        "no training question uses"]
    return "\n".join(("## Data", "", f"- documents: {name}; topics: {', '.join(config.topics) or 'all'}", *asked,
                      *(f"- {sentence}" for sentence in origin_sentences(origins))))


def _by_people(origins: Sequence[Origin]) -> bool:
    """Return whether people wrote any of the questions."""
    return any(one.kind == PEOPLE for one in origins)


def _limits(run: Run, origins: Sequence[Origin], about_cycle: str) -> str:
    tested = f"the {sum(one.questions for one in origins if one.part == 'test')} of the test, which people wrote" \
        if any((one.part, one.kind) == ("test", PEOPLE) for one in origins) else \
        f"the {run.config.held_out} held-out ones on these topics"
    lines = ["## Limits", "",
             f"- The scores apply to questions like {tested}, not to anything else, and not to another training with "
             "another seed.",
             "- Similar wording is not correctness: an answer with every statement negated still scores high.",
             "- Not tested for safety, bias, or use outside of the domain."]
    if any(one.kind == RULES for one in origins) or (not origins and run.config.teacher == OFFLINE_TEACHER):
        lines.append("- The references are quotations from the documents, not written by an independent expert.")
    return "\n".join([*lines, *([f"- {about_cycle}"] if about_cycle else [])])


def _hashes(run: Run, cycle: Cycle, files: dict[str, str]) -> str:
    hashes = {"adapter weights": cycle.adapter_sha256, "documents": run.knowledge_hash,
              "held-out questions": run.held_out_hash, "configuration": sha256_of(to_json(run.config).encode())} | files
    return "\n".join(["## Hashes", "", *(f"- {name}: `{value or 'not recorded'}`" for name, value in hashes.items())])


def _number(value: object, sign: str = "") -> str:
    return f"{value:{sign}.3f}" if isinstance(value, int | float) else "missing"
