"""Ask a chat model for a passage's facts in many wordings, and once more for what it missed."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.domain import Domain
from knowledge.passages import Passage
from knowledge.study import WrittenFact
from runner.llm.chat import Chat, ChatRequest
from runner.llm.errors import ReplyError
from runner.llm.repeated_failures import RepeatedFailures
from runner.protocols import PassageFacts, RefusedText
from runner.teacher.fact_checks import checked_fact
from runner.teacher.fact_prompts import FACTS_SCHEMA, facts_prompt, missed_facts_prompt, parse_facts
from runner.teacher.prompts import Prompt
from runner.teacher.usable_text import usable_text
from store.costs.study_cost import FACTS_TOKENS

FACTS_TEMPERATURE = 0.7
PURPOSE = "facts"


def write_facts(chat: Chat, failures: RepeatedFailures, domain: Domain, passage: Passage) -> PassageFacts:
    """The facts of a passage that passed their checks.

    One further call asks for what was missed, where a key term is in no fact or no fact passed.

    Raises:
        EndpointError: the endpoint cannot be used; a repetition repeats no stored call.
    """
    facts: list[WrittenFact] = []
    refused: list[RefusedText] = []
    reason = _ask(chat, failures, facts_prompt(domain.name, passage), passage, "first", facts, refused)
    if uncovered(passage, facts) or not facts:
        prompt = missed_facts_prompt(domain.name, passage, [fact.statement for fact in facts],
                                     uncovered(passage, facts))
        reason = _ask(chat, failures, prompt, passage, "missed", facts, refused)
    if not facts and not reason:
        reason = f"none of {len(refused)} texts passed: {refused[0].reason}" if refused else "the teacher wrote no fact"
    return PassageFacts(passage.id, tuple(facts), tuple(refused), None if facts else reason)


def uncovered(passage: Passage, facts: Sequence[WrittenFact]) -> tuple[str, ...]:
    """The key terms of a passage that none of the facts states."""
    return tuple(term for term in passage.key_terms if not any(term in fact.key_terms for fact in facts))


def _ask(chat: Chat, failures: RepeatedFailures, prompt: Prompt, passage: Passage, turn: str,
         facts: list[WrittenFact], refused: list[RefusedText]) -> str | None:
    """Add the facts of one call; return the reason if there was no usable reply."""
    request = ChatRequest(prompt.system, prompt.user, "facts", FACTS_SCHEMA, FACTS_TEMPERATURE, FACTS_TOKENS, 0,
                          PURPOSE, f"{passage.id} {turn}")
    try:
        drafts = failures.call(PURPOSE, lambda: parse_facts(usable_text(chat.complete(request))))
    except ReplyError as error:
        return str(error)
    known = {fact.statement.casefold() for fact in facts}
    for draft in drafts:
        if draft.statement.casefold() in known:
            continue
        known.add(draft.statement.casefold())
        fact = checked_fact(draft, passage,
                            lambda text, reason: refused.append(RefusedText(passage.id, text, reason)))
        if fact:
            facts.append(fact)
    return None
