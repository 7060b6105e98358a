"""Try an endpoint as a teacher with three small calls: what it answers, what it refuses, what it costs.

Nothing is stored here; each call is of the kind that a run makes, about a passage of two sentences. A task that fails
in its first form is tried in the simpler forms that a run would go on to.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from knowledge.passages import Passage
from knowledge.questions import PRACTICE
from runner.llm.capabilities import EndpointCapabilities, RefusedOption
from runner.llm.chat import Chat, ChatRequest
from runner.llm.credentials import OPENAI_ADDRESS, key_for
from runner.llm.errors import EndpointError, TeacherError, UnreadableReply, WrongForm
from runner.llm.factory import open_chat
from runner.llm.json_extraction import beginning_of
from runner.llm.openai_client import REPLY_SECONDS, OpenAIChat
from runner.llm.reasoning import strip_reasoning
from runner.llm.reasoning_effort import effort_to_send
from runner.llm.redaction import redact_url
from runner.llm.retry import RetryPolicy
from runner.llm.served_models import ServedModels
from runner.protocols import Usage
from runner.teacher import prompts
from runner.teacher.question_forms import QuestionForm, forms_for
from runner.teacher.reply_parsing import parse_answer
from runner.teacher.usable_text import usable_text
from store.run_config import RunConfig

TASKS = 3
REPLY_TOKENS = 256
PLAIN_REPLY_TOKENS = 80
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
    is_json: bool | None
    """Whether the reply as a whole was JSON; None where plain text was asked for."""
    form: str = ""
    """The form that it was asked in, where there are several."""


@dataclass(frozen=True)
class EndpointCheck:
    """What three tasks found out about a model at an endpoint."""

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
        return len(self.calls) == TASKS and all(call.works for call in self.calls)

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
        InvalidProxy: a proxy of the environment cannot be used.
    """
    address = config.teacher_base_url or OPENAI_ADDRESS
    key, effort = key_for(address), effort_to_send(config.teacher_effort, config.teacher)
    refused: list[RefusedOption] = []
    chat = open_chat(config.teacher, config.teacher_base_url, key, "", None, policy, reply_seconds=reply_seconds,
                     effort=effort, max_reply_tokens=MAX_REPLY_TOKENS, on_refused=refused.append)
    calls: list[CallOutcome] = []
    for task, attempts in _tasks(forms_for(config.question_form, config.teacher)).items():
        outcome, unusable = _try(chat, task, attempts)
        calls.append(outcome)
        if unusable:
            break
    served = OpenAIChat(config.teacher, address, key, min(reply_seconds, POLICY.total_seconds)).served_models()
    return EndpointCheck(config.teacher, redact_url(address), effort or "", tuple(calls), tuple(refused), chat.usage(),
                         served)


def _try(chat: Chat, task: str, attempts: Sequence[_Attempt]) -> tuple[CallOutcome, bool]:
    """The outcome of the first attempt that works, else of the last; whether the endpoint cannot be used at all."""
    began = time.monotonic()
    for attempt in attempts:
        text, failure = "", None
        try:
            text = usable_text(chat.complete(attempt.request), whole=bool(attempt.request.schema))
            says = attempt.read(text)
        except TeacherError as error:
            says, failure = str(error), error
        if not isinstance(failure, WrongForm):  # another form would meet the same error
            break
    seconds = time.monotonic() - began
    return (CallOutcome(task, failure is None, says, seconds,
                        _is_json(text) if attempt.request.schema else None, attempt.form),
            isinstance(failure, EndpointError))


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(strip_reasoning(text)), dict)
    except ValueError:
        return False


def _answer(text: str) -> str:
    answer = parse_answer(text)[0]
    if not answer:
        raise UnreadableReply("the answer is empty: use another teacher model")
    return beginning_of(answer)


def _grounded_answer(text: str) -> str:
    return _answer(text) + ("" if _FACT in text else f", which misses the passage's fact ({_FACT})")


@dataclass(frozen=True)
class _Attempt:
    """A request, and what reads its reply."""

    request: ChatRequest
    read: Callable[[str], str]
    form: str = ""


def _tasks(forms: Sequence[QuestionForm]) -> dict[str, tuple[_Attempt, ...]]:
    """The tasks in the order of their calls, each with the attempts at it: a run's forms, from the first one on."""
    closed_book = _request(prompts.closed_book_prompt(_DOMAIN, _QUESTION), "answer", prompts.ANSWER_SCHEMA)
    reference = _request(prompts.reference_prompt(_DOMAIN, _QUESTION, _PASSAGE), "reference", prompts.REFERENCE_SCHEMA)
    plain = _request(prompts.plain_reference_prompt(_QUESTION, _PASSAGE), "reference", {})
    return {"answers a question": (_Attempt(closed_book, _answer),),
            "answers from a passage": (_Attempt(reference, _grounded_answer), _Attempt(plain, _grounded_answer)),
            "asks about a passage": tuple(map(_asking, forms))}


def _asking(form: QuestionForm) -> _Attempt:
    materials = [prompts.PassageMaterial(_PASSAGE)]
    return _Attempt(_request(form.prompt(_DOMAIN, "Valves", PRACTICE, materials), "questions", form.schema),
                    lambda text: beginning_of(form.parse(text, materials)[0].text), form.name)


def _request(prompt: prompts.Prompt, name: str, schema: dict[str, object]) -> ChatRequest:
    """A request; a plain reply needs few tokens, and what it has when it is cut off will do."""
    return ChatRequest(prompt.system, prompt.user, name, schema, 0.2, REPLY_TOKENS if schema else PLAIN_REPLY_TOKENS, 1,
                       f"doctor {name}", name, grow=bool(schema))
