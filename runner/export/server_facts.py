"""What a server's answers and counts of tokens say of the student behind it, which gives no files to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from runner.export.export_facts import ExportFact
from runner.student.exported_model import EngineAnswer
from runner.student.models.bundled import student_source
from runner.student.models.hf_loader import open_tokenizer_and_config
from runner.student.prompt_template import prompt_ids, prompt_template_for
from store import queries
from store.events import AnswerRecord

FEWEST = 6
"""Fewer answers than this decide nothing, as fewer pairs decide nothing elsewhere."""


@dataclass(frozen=True)
class AskedServer:
    """One question of the locked test, as it was measured and as a server answered it."""

    recorded: AnswerRecord
    """The fine-tuned student's answer."""
    untrained: str
    """The untrained student's answer; empty where it has none."""
    given: EngineAnswer
    prompt_tokens: int | None = None
    """How many tokens the prompt had when it was measured; None where that is not known."""


def measured_prompt_tokens(run: queries.Run, models_dir: Path, questions: Sequence[str]) -> list[int]:
    """Return how many tokens the prompt of each question had in the run.

    Raises:
        StudentError: the run's student is no longer there.
    """
    tokenizer, _ = open_tokenizer_and_config(student_source(run.config.student, models_dir))
    template = prompt_template_for(tokenizer, run.config.own_chat_template)
    return [len(prompt_ids(tokenizer, template, question)) for question in questions]


def facts_of_server(asked: Sequence[AskedServer], again: Sequence[EngineAnswer] = ()) -> list[ExportFact]:
    """Return what differs from the record; another precision changes none of what decides.

    Args:
        asked: the questions of the test, in order.
        again: a second answer to each of the first questions.
    """
    found = [_prompts(asked), _adapter(asked), _goes_on(asked), _ends_early(asked), _drawn(asked, again)]
    return [fact for fact in found if fact]


def _prompts(asked: Sequence[AskedServer]) -> ExportFact | None:
    """Compare the counts of prompt tokens: a template, a system prompt, a BOS or a tokenizer changes all of them.

    Counts that fall short by this and that decide nothing, because some servers leave out what they had cached.
    """
    gaps = [one.given.prompt_tokens - one.prompt_tokens for one in asked
            if one.given.prompt_tokens is not None and one.prompt_tokens is not None]
    if sum(map(bool, gaps)) <= len(gaps) / 2:
        return None
    if len(set(gaps)) == 1:
        return ExportFact(f"another prompt: each has {_tokens(gaps[0])} than was measured, as with another template, a "
                          "system prompt or a BOS token", decisive=True)
    return ExportFact(f"other prompts or another tokenizer: half of them have at least {_tokens(round(median(gaps)))} "
                      "than was measured", decisive=max(gaps) > 0)


def _tokens(gap: int) -> str:
    return f"{abs(gap)} {'token' if abs(gap) == 1 else 'tokens'} {'more' if gap > 0 else 'fewer'}"


def _adapter(asked: Sequence[AskedServer]) -> ExportFact | None:
    """Compare with the untrained student, where training changed the answer: its very words are no coincidence."""
    telling = [one for one in asked if one.untrained.strip() and one.untrained.strip() != _recorded(one)]
    untrained = sum(one.given.text.strip() == one.untrained.strip() for one in telling)
    tuned = sum(one.given.text.strip() == _recorded(one) for one in telling)
    if untrained < FEWEST or 10 * tuned > untrained:
        return None
    return ExportFact(f"the adapter was not applied: {untrained} answers are the untrained student's, word for word",
                      decisive=True)


def _goes_on(asked: Sequence[AskedServer]) -> ExportFact | None:
    count = sum(_begins(_recorded(one), one.given.text) for one in asked if not one.recorded.cut_off)
    return _ends(count, len(asked), "answers do not end where they ended: {count} of {asked} go on after the recorded "
                                    "answer, as without the token that ends them")


def _ends_early(asked: Sequence[AskedServer]) -> ExportFact | None:
    count = sum(_begins(one.given.text, _recorded(one)) for one in asked if not one.given.cut_off)
    return _ends(count, len(asked), "answers end earlier: {count} of {asked} are the beginning of the recorded answer, "
                                    "as with another stop")


def _ends(count: int, asked: int, phrase: str) -> ExportFact | None:
    return ExportFact(phrase.format(count=count, asked=asked), decisive=True) \
        if count >= FEWEST and count > asked / 2 else None


def _drawn(asked: Sequence[AskedServer], again: Sequence[EngineAnswer]) -> ExportFact | None:
    """Compare two answers to one question; a batch of another shape changes answers too, so that this decides nothing.
    """
    changed = sum(one.given.text != other.text for one, other in zip(asked, again))
    if not changed:
        return None
    return ExportFact(f"answers are not repeatable, as if sampled: of {len(again)} questions that were asked again "
                      f"{changed} got another answer")


def _recorded(one: AskedServer) -> str:
    return (one.recorded.text or "").strip()


def _begins(short: str, whole: str) -> bool:
    """Whether a text is the beginning of another one, and not all of it."""
    return 0 < len(short.strip()) < len(whole.strip()) and whole.strip().startswith(short.strip())
