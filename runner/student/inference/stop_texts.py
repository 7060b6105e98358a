"""Cut an answer at the texts that end it, such as the beginning of another turn. Stop *tokens* end it in the loop."""

from __future__ import annotations

from runner.student.prompt_template import PromptTemplate


def cut_at_stop(template: PromptTemplate, text: str) -> tuple[str, bool]:
    """The text before the first stop text, and whether there was one."""
    found = [index for index in (text.find(stop) for stop in template.stop_texts) if index >= 0]
    return (text[: min(found)], True) if found else (text, False)
