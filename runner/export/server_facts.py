"""What a server's answers and counts of tokens say of the student behind it, which gives no files to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from runner.export.export_facts import EXEMPT_END, ExportFact, rounded
from runner.export.measured_tokens import MeasuredTokens
from runner.export.served_tokens import ServedTokens
from runner.student.exported_model import EngineAnswer
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


def facts_of_server(asked: Sequence[AskedServer],
                    again: Sequence[Sequence[EngineAnswer]] = ()) -> list[ExportFact]:
    """Return what differs from the record; another precision changes none of what decides.

    Args:
        asked: the questions of the test, in order.
        again: further answers to the first questions, by the time at which these were asked again.
    """
    found = [_cut_prompts(asked) or _prompts(asked), _adapter(asked), _goes_on(asked), _ends_early(asked),
             _drawn(asked, again)]
    return [fact for fact in found if fact]


def facts_of_tokens(measured: MeasuredTokens, served: ServedTokens, questions: Sequence[str],
                    limit: int) -> list[ExportFact]:
    """Compare the tokens that a server makes of each question, its context and its weights with what was measured.

    Args:
        limit: tokens of the longest answer.
    """
    pairs = [(measured.prompt(question), served.prompt(question)) for question in questions]
    others = [(ours, theirs) for ours, theirs in pairs if ours != theirs]
    found = [] if served.weights == measured.precision != "" else [ExportFact(
        f"weights in {served.weights}, measured in {measured.precision}" if served.weights and measured.precision else
        "weights of a type that the server does not say", other_precision=rounded(measured.precision, served.weights))]
    if len(others) > len(pairs) / 2:
        ours, theirs = others[0]
        found.append(ExportFact(f"another prompt: its tokens are {measured.text(theirs)!r}, but it was measured with "
                                f"{measured.text(ours)!r}", decisive=True))
    if measured.end_was_exempt(questions[0]):
        found.append(EXEMPT_END)
    longest = max(len(ours) for ours, _ in pairs) + limit
    if served.context is not None and served.context < longest:
        found.append(ExportFact(f"a truncated context: {served.context} tokens, where questions and answers have up to "
                                f"{longest}", decisive=True))
    return found


def _cut_prompts(asked: Sequence[AskedServer]) -> ExportFact | None:
    """Find counts that never exceed one number, at which longer prompts end: a server that cuts them says nothing."""
    counts = [(one.prompt_tokens, one.given.prompt_tokens) for one in asked
              if one.prompt_tokens is not None and one.given.prompt_tokens is not None]
    most = max((given for _, given in counts), default=0)
    cut = [measured for measured, _ in counts if measured > most]
    if len(set(cut)) < 2 or any(given != min(measured, most) for measured, given in counts):
        return None
    return ExportFact(f"a truncated context: {len(cut)} of {len(counts)} prompts are cut at {most} tokens",
                      decisive=len(cut) >= FEWEST)


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


def _drawn(asked: Sequence[AskedServer], again: Sequence[Sequence[EngineAnswer]]) -> ExportFact | None:
    """Compare several answers to one question.

    A batch of another shape changes a greedy answer too, where two tokens are almost equally likely; that nearly every
    question gets a new answer each time is no such accident.
    """
    texts = [[one.given.text, *(other.text for other in others)] for one, *others in zip(asked, *again) if others]
    changed, new = sum(len(set(of)) > 1 for of in texts), sum(len(set(of)) == len(of) > 2 for of in texts)
    if not changed:
        return None
    return ExportFact(f"answers are not repeatable, as if sampled: of {len(texts)} questions that were asked again "
                      f"{changed} got another answer", decisive=len(texts) >= FEWEST and new >= len(texts) - 1)


def _recorded(one: AskedServer) -> str:
    return (one.recorded.text or "").strip()


def _begins(short: str, whole: str) -> bool:
    """Whether a text is the beginning of another one, and not all of it."""
    return 0 < len(short.strip()) < len(whole.strip()) and whole.strip().startswith(short.strip())
