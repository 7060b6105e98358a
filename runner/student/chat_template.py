"""A student's own chat template, turned into the fixed texts around one question and its answer; and the way back.

Templates are rendered once, with marks in place of question and answer, so that training, answering and the export use
the very same text whatever else a template does: add a default system prompt, or write the date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

QUESTION, ANSWER = "QUESTION-MARK-7141", "ANSWER-MARK-7141"
DATE = date(2024, 7, 26)
"""What templates that write the date are given, in every training and every test: Llama 3.1's own default."""


@dataclass(frozen=True)
class RenderedTemplate:
    """The texts of a template around one question and its answer."""

    before: str
    after: str
    """From the question's end to where the answer begins."""
    lead: str
    """What stands between the prompt and the answer, such as a blank."""
    end: str
    """What follows the answer; empty where the template does not say."""


def rendered_template(tokenizer: Any) -> RenderedTemplate | None:
    """The texts of a tokenizer's own template; None where it has none, or cannot render one user message."""
    if not getattr(tokenizer, "chat_template", None):
        return None
    question = {"role": "user", "content": QUESTION}
    prompt = _render(tokenizer, [question], add_generation_prompt=True)
    if prompt is None or prompt.count(QUESTION) != 1:
        return None
    before, after = prompt.split(QUESTION)
    whole = _render(tokenizer, [question, {"role": "assistant", "content": ANSWER}], add_generation_prompt=False)
    if whole is None or whole.count(ANSWER) != 1:
        return RenderedTemplate(before, after, "", "")
    to_answer, end = whole.split(ANSWER)
    lead = to_answer[len(prompt):] if to_answer.startswith(prompt) else ""
    return RenderedTemplate(before, after, lead, end)


def single_turn_template(before: str, after: str, lead: str, end: str) -> str:
    """A Jinja template that renders one question as these texts, and a conversation as several such turns.

    A system message is put before the first question, as plain text.
    """
    return (
        "{%- set system = namespace(text='') -%}"
        "{%- for message in messages -%}"
        "{%- if message['role'] == 'system' -%}{%- set system.text = message['content'] + '\\n\\n' -%}"
        "{%- elif message['role'] == 'assistant' -%}"
        f"{{{{- {json.dumps(lead)} + message['content'] + {json.dumps(end)} -}}}}"
        "{%- else -%}"
        f"{{{{- {json.dumps(before)} + system.text + message['content'] + {json.dumps(after)} -}}}}"
        "{%- set system.text = '' -%}"
        "{%- endif -%}{%- endfor -%}")


def render(template: str, messages: list[dict[str, str]], add_generation_prompt: bool, **values: Any) -> str:
    """Render a template as transformers does, without importing it.

    Raises:
        jinja2.TemplateError: the template is invalid, or refuses the messages.
    """
    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                extensions=["jinja2.ext.loopcontrols"])
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    environment.globals |= {"raise_exception": refuse}
    return environment.from_string(template).render(messages=messages, add_generation_prompt=add_generation_prompt,
                                                    **values)


def _render(tokenizer: Any, messages: list[dict[str, str]], add_generation_prompt: bool) -> str | None:
    template = tokenizer.chat_template
    template = template.get("default", "") if isinstance(template, dict) else template
    tokens = {name: getattr(tokenizer, name, None) or "" for name in ("bos_token", "eos_token", "unk_token")}
    try:
        return render(str(template), messages, add_generation_prompt, strftime_now=DATE.strftime, **tokens)
    except (jinja2.TemplateError, ValueError, TypeError, KeyError, AttributeError):
        return None
