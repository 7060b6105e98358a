"""What an exported folder says of itself that differs from the recorded student."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.student.exported_model import ExportedModel
from runner.student.models.bundled import student_source
from runner.student.models.hf_loader import open_tokenizer_and_config
from runner.student.prompt_template import PromptTemplate, prompt_ids, prompt_template_for
from store import queries
from store.analysis.export_verdict import NLL_TOLERANCE, NLL_TOLERANCE_OTHER_PRECISION
from store.run_config import RunConfig


@dataclass(frozen=True)
class ExportFact:
    """Something that an export says of itself and that differs from the recorded student."""

    phrase: str
    decisive: bool = False
    """Whether it alone makes the export another one, whatever it answers here: it changes how questions are put, or
    how answers are drawn or ended."""
    unusable: bool = False
    """Whether the export cannot be asked at all."""
    other_precision: bool = False
    """Whether it says that the weights have another precision than was measured."""


EXEMPT_END = ExportFact("the repetition penalty is for the token that ends an answer too, from which the test exempted "
                        "it, so that answers can go on for longer")


def end_was_exempt(config: RunConfig, template: PromptTemplate, prompt: Sequence[int]) -> bool:
    """Whether the test spared a token of the prompt that ends answers the repetition penalty, as no engine does."""
    return config.repetition_penalty != 1 and not config.penalize_end and not set(template.stop_ids).isdisjoint(prompt)


def rounded(measured: str, exported: str) -> bool:
    """Whether weights can have lost digits from one type to another: not where all are held to 11 bits or more."""
    return exported != measured and not (measured in _FLOATING and exported in _FINE)


_FLOATING = frozenset({"fp32", "bf16", "fp16"})
_FINE = frozenset({"fp32", "fp16", "all F32", "F16"})
"""As transformers and llama.cpp name them."""


def nll_tolerance(facts: Sequence[ExportFact]) -> float:
    return NLL_TOLERANCE_OTHER_PRECISION if any(fact.other_precision for fact in facts) else NLL_TOLERANCE


_PROBE = "What does a Service do for a Pod?"


def facts_of_folder(engine: ExportedModel, run: queries.Run, models_dir: Path) -> list[ExportFact]:
    """Compare a folder's template, tokenizer, end of answers, sampling and positions with the recorded student's.

    Raises:
        StudentError: the run's student is no longer there.
    """
    tokenizer, config = open_tokenizer_and_config(student_source(run.config.student, models_dir))
    template = prompt_template_for(tokenizer, run.config.own_chat_template)
    facts = []
    expected, rendered = prompt_ids(tokenizer, template, _PROBE), engine.prompt(_PROBE)
    if tokenizer.get_vocab() != engine.tokenizer.get_vocab():
        rows = engine.embedding_rows
        facts.append(ExportFact("another tokenizer", decisive=True, unusable=max(rendered) >= rows))
    elif expected != rendered:
        facts.append(ExportFact(f"another prompt: it asks {engine.tokenizer.decode(rendered)!r}, but was measured with "
                                f"{tokenizer.decode(expected)!r}", decisive=True))
    if template.end_id not in engine.end_ids():
        facts.append(ExportFact(f"answers do not end at {tokenizer.decode([template.end_id])!r}, the token that ends "
                                "them in training", decisive=True))
    elif extra := set(engine.end_ids()) - set(template.stop_ids):
        facts.append(ExportFact(f"answers end at {engine.tokenizer.decode(sorted(extra))!r}, which ended none in the "
                                "test", decisive=True))
    if engine.generation_config.do_sample and not run.config.temperature:
        facts.append(ExportFact("answers are sampled, but were measured with greedy decoding", decisive=True))
    penalty = engine.generation_config.repetition_penalty or 1.0
    if penalty != run.config.repetition_penalty:
        facts.append(ExportFact(f"a repetition penalty of {penalty:g}, measured with "
                                f"{run.config.repetition_penalty:g}", decisive=True))
    if end_was_exempt(run.config, template, expected):
        facts.append(EXEMPT_END)
    facts += _config_facts(config, engine.config)
    measured = str((run.plan or {}).get("precision") or "")
    if not engine.precision:
        facts.append(ExportFact("weights in another type", other_precision=True))
    elif measured and engine.precision != measured:
        facts.append(ExportFact(f"weights in {engine.precision}, measured in {measured}",
                                other_precision=rounded(measured, engine.precision)))
    return facts


_CONFIG_FIELDS = {"max_position_embeddings": "the longest context", "rope_parameters": "the position encoding",
                  "num_hidden_layers": "the number of layers", "hidden_size": "the width"}


def _config_facts(measured: Any, exported: Any) -> list[ExportFact]:
    return [ExportFact(f"{words}: {getattr(exported, field, None)}, measured with {getattr(measured, field, None)}",
                       decisive=field == "max_position_embeddings")
            for field, words in _CONFIG_FIELDS.items()
            if getattr(measured, field, None) != getattr(exported, field, None)]
