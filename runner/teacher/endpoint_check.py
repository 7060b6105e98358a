"""Try an endpoint as a teacher with three small calls: what it answers, what it refuses, what it costs.

Nothing is stored here; each call is of the kind that a run makes, about a passage of two sentences.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from knowledge.passages import Passage
from knowledge.questions import PRACTICE
from runner.llm.capabilities import EndpointCapabilities, RefusedOption
from runner.llm.chat import ChatRequest
from runner.llm.credentials import OPENAI_ADDRESS, key_for
from runner.llm.redaction import redact_url
from runner.llm.errors import EndpointError, TeacherError, UnreadableReply
from runner.llm.factory import open_chat
from runner.llm.json_extraction import beginning_of
from runner.llm.openai_client import REPLY_SECONDS, OpenAIChat
from runner.llm.reasoning import strip_reasoning
from runner.llm.reasoning_effort import effort_to_send
from runner.llm.retry import RetryPolicy
from runner.llm.served_models import ServedModels
from runner.protocols import Usage
from runner.teacher import prompts
from runner.teacher.usable_text import usable_text
from runner.teacher.reply_parsing import parse_answer, parse_questions
from store.run_config import RunConfig

REPLY_TOKENS = 256
MAX_REPLY_TOKENS = 2048
POLICY = RetryPolicy(total_seconds=10.0)
_DOMAIN = "water supply controllers"
_QUESTION = "How long does the controller take to open the inlet valve?"
_PASSAGE = Passage(
    "0" * 16, "valves", "folder", "Start", "The controller opens the inlet valve within 27 milliseconds after it "
    "receives the start signal. It then writes the water pressure to the maintenance log.", "", ("27",), ())
_FACT = "27"


@dataclass(frozen=True)
class CallOutcome:
    """One of the three calls."""

    task: str
    works: bool
    says: str
    """The beginning of what it brought, or the error with the endpoint's own words."""
    seconds: float
    is_json: bool = False
    """Whether the reply as a whole was JSON, as asked for."""


@dataclass(frozen=True)
class EndpointCheck:
    """What three calls found out about a model at an endpoint."""

    model: str
    address: str
    """Base URL, without user, password and query."""
    effort: str
    """The reasoning effort that was asked for; empty if none was."""
    calls: tuple[CallOutcome, ...]
    """Fewer than three where the endpoint cannot be used at all."""
    refused: tuple[RefusedOption, ...]
    usage: Usage
    served: ServedModels

    @property
    def works(self) -> bool:
        return len(self.calls) == len(_TASKS) and all(call.works for call in self.calls)

    @property
    def capabilities(self) -> EndpointCapabilities:
        return EndpointCapabilities.from_refused({one.option: one.sent_instead for one in self.refused})


def check_endpoint(config: RunConfig, policy: RetryPolicy = POLICY, reply_seconds: float = REPLY_SECONDS
                   ) -> EndpointCheck:
    """Try the teacher of a configuration; options that the endpoint refused earlier are tried again.

    Args:
        policy: bounds of retries.
        reply_seconds: the longest wait for a reply.

    Raises:
        MissingKey: the OpenAI API, and no key.
        InvalidKey: a key that cannot be one.
    """
    address = config.teacher_base_url or OPENAI_ADDRESS
    key, effort = key_for(address), effort_to_send(config.teacher_effort, config.teacher)
    refused: list[RefusedOption] = []
    chat = open_chat(config.teacher, config.teacher_base_url, key, "", None, policy, reply_seconds=reply_seconds,
                     effort=effort, max_reply_tokens=MAX_REPLY_TOKENS, on_refused=refused.append)
    calls: list[CallOutcome] = []
    for task, (request, read) in _TASKS.items():
        began, unusable, text = time.monotonic(), False, ""
        try:
            text = usable_text(chat.complete(request))
            works, says = True, read(text)
        except TeacherError as error:
            works, says, unusable = False, str(error), isinstance(error, EndpointError)
        calls.append(CallOutcome(task, works, says, time.monotonic() - began, _is_json(text)))
        if unusable:
            break
    served = OpenAIChat(config.teacher, address, key, min(reply_seconds, POLICY.total_seconds)).served_models()
    return EndpointCheck(config.teacher, redact_url(address), effort or "", tuple(calls), tuple(refused), chat.usage(),
                         served)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(strip_reasoning(text)), dict)
    except ValueError:
        return False


def _request(prompt: prompts.Prompt, name: str, schema: dict[str, object]) -> ChatRequest:
    return ChatRequest(prompt.system, prompt.user, name, schema, 0.2, REPLY_TOKENS, 1, f"doctor {name}", name)


def _answer(text: str) -> str:
    answer = parse_answer(text)[0]
    if not answer:
        raise UnreadableReply("the answer is empty: use another teacher model")
    return beginning_of(answer)


def _grounded_answer(text: str) -> str:
    return _answer(text) + ("" if _FACT in text else f", which misses the passage's fact ({_FACT})")


def _question(text: str) -> str:
    return beginning_of(parse_questions(text)[0].text)


_TASKS: dict[str, tuple[ChatRequest, Callable[[str], str]]] = {
    "answers a question": (_request(prompts.closed_book_prompt(_DOMAIN, _QUESTION), "answer", prompts.ANSWER_SCHEMA),
                           _answer),
    "answers from a passage": (_request(prompts.reference_prompt(_DOMAIN, _QUESTION, _PASSAGE), "reference",
                                        prompts.REFERENCE_SCHEMA), _grounded_answer),
    "asks about a passage": (_request(prompts.question_prompt(_DOMAIN, "Valves", PRACTICE,
                                                              [prompts.PassageMaterial(_PASSAGE)]),
                                      "questions", prompts.QUESTIONS_SCHEMA), _question),
}
"""In the order of the calls: a task, its request, and what reads the reply."""
