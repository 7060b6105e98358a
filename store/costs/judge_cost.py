"""What a judge model will be asked for a run: answers, calls, tokens and price, before anything is asked. Pure.

An estimate from above: answers are taken at their longest, and an answer that was judged before, here or in another
run, costs nothing again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.config import RunConfig
from store.costs.prices import cost_usd

AUDITED_QUESTIONS = 4
"""Questions that the audit plants answers to."""
PLANTED_ANSWERS = 7
"""Planted answers to each of them that are sent to the judge; an empty one never is."""
RETESTED_ANSWERS = 2
"""Of these so many are sent twice."""

_REFERENCE, _PASSAGE, _QUESTION = 70, 90, 25
"""Tokens of a usual reference, passage and question."""


@dataclass(frozen=True)
class TypicalUsage:
    """What one score of a metric takes. Prompt and reply tokens are a fixed part, and so many times each text."""

    calls: int
    prompt: int
    prompt_answers: float
    prompt_references: float
    prompt_passages: float
    reply: int
    reply_answers: float
    reply_references: float


# Fixed parts: RAGAS's instructions and examples at four characters a token, our own line on top. A reply repeats each
# statement and gives a reason for its verdict.
TYPICAL_USAGE: dict[str, TypicalUsage] = {
    #                          calls prompt  A    R    P  reply  A    R
    "factual_correctness": TypicalUsage(4, 2400, 3.0, 3.0, 0.0, 80, 3.0, 3.0),
    "faithfulness":        TypicalUsage(2, 1250, 2.2, 0.0, 1.0, 40, 3.0, 0.0),
    "answer_relevancy":    TypicalUsage(3, 1400, 3.0, 0.0, 0.0, 90, 0.0, 0.0),
}


@dataclass(frozen=True)
class JudgingEstimate:
    """What judging will take at most; `cost_usd` is None where the model's price is not known."""

    judge: str
    answers: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None

    def sentence(self) -> str:
        """The estimate as people read it."""
        price = "its price is not known" if self.cost_usd is None else f"about {self.cost_usd:.2f} USD at list prices"
        tokens = self.prompt_tokens + self.completion_tokens
        return (f"The judge model {self.judge} will be asked at most {self.calls:,} times about {self.answers:,} "
                f"answers: about {tokens:,} tokens, {price}.")


def estimate_of(config: RunConfig) -> JudgingEstimate | None:
    """What the judge of a run will be asked, its audit included; None where the run has none."""
    if not config.judge:
        return None
    tests = config.held_out + config.new_topic_questions
    practice = config.questions + config.paraphrases
    answers = (1 + config.cycles) * (tests + config.general) + 2 * config.cycles * practice
    return estimate(config.judge, answers + len(config.arms) * config.held_out, config.judge_metrics,
                    config.max_new_tokens, audited=min(AUDITED_QUESTIONS, config.held_out))


def estimate(judge: str, answers: int, metrics: Sequence[str], answer_tokens: int,
             audited: int = AUDITED_QUESTIONS) -> JudgingEstimate:
    """What so many answers of at most so many tokens take, and an audit over so many questions."""
    planted = audited * (PLANTED_ANSWERS + RETESTED_ANSWERS)
    calls = prompt = reply = 0.0
    for usual in (TYPICAL_USAGE[metric] for metric in metrics):
        for count, length in ((answers, answer_tokens), (planted, _REFERENCE)):
            calls += count * usual.calls
            prompt += count * (usual.prompt + length * usual.prompt_answers + _REFERENCE * usual.prompt_references
                               + _PASSAGE * usual.prompt_passages + _QUESTION)
            reply += count * (usual.reply + length * usual.reply_answers + _REFERENCE * usual.reply_references)
    return JudgingEstimate(judge, answers + planted, round(calls), round(prompt), round(reply),
                           cost_usd(judge, round(prompt), round(reply)))
