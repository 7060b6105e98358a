"""Ollama's Modelfile for an exported GGUF file: the template that was trained, decoding as in the test. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from runner.protocols import GenerationConfig
from runner.student.prompt_template import PromptTemplate


def modelfile(file: str, template: PromptTemplate, ends: Sequence[str], decoding: GenerationConfig,
              licence: str, context: int) -> str:
    """Return the Modelfile.

    Ollama puts the BOS token before a prompt by itself where the GGUF file says so; the template has none. Repetition
    is penalized over the whole text, as in the test: llama.cpp's own default looks at the last 64 tokens alone, and its
    sampler takes -1, which Ollama documents as the context, for no penalty.

    Args:
        file: name of the GGUF file beside it.
        ends: texts of the tokens that end an answer, the one of training first.
        licence: one sentence.
        context: tokens of the longest text.
    """
    prompt = (f"{template.before}{{{{ if .System }}}}{{{{ .System }}}}\n\n{{{{ end }}}}{{{{ .Prompt }}}}"
              f"{template.after}{{{{ .Response }}}}{ends[0]}")
    settings = [("temperature", decoding.temperature), ("repeat_penalty", decoding.repetition_penalty),
                ("repeat_last_n", context), ("num_predict", decoding.max_new_tokens)]
    if decoding.temperature > 0:
        settings += [("top_p", decoding.top_p), ("top_k", decoding.top_k)]
    lines = [f"FROM ./{file}", f'TEMPLATE """{prompt}"""',
             *(f"PARAMETER {name} {value:.10g}" for name, value in settings),
             *(f"PARAMETER stop {json.dumps(text, ensure_ascii=False)}" for text in (*ends, *template.stop_texts)),
             f'LICENSE """{licence}"""']
    return "\n".join(lines) + "\n"
