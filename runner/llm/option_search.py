"""Find out which options an endpoint supports, while calls are made.

All options are sent first, and an option that a refusal names is given up. After a refusal that names none, the call is
made without any option; if that works, later calls give up one option after the other until one call is accepted, which
tells the option. Refused calls cost nothing, and every reply is used.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from runner.llm.capabilities import LARGEST_LIMIT, EndpointCapabilities, OnRefused, RefusedOption
from runner.llm.chat import ChatRequest, Completion
from runner.llm.context_room import room_for_reply
from runner.llm.errors import (
    ContentRefused, ContextTooLong, EndpointUnavailable, RateLimited, RequestRefused, TeacherError, UnknownModel,
)
from runner.llm.openai_errors import FailedCall, translate_error_body

_SCHEMA_FAILURES = (500, 501)
"""Statuses with which servers answer options that they cannot process, although these are no outages."""
_OPTION_STATUSES = (None, 400, 422)
"""Statuses of refusals that may be about an option; None: an error that came with HTTP 200 and states no other."""
_FAILED_GENERATION = "json_validate_failed"
"""Code of a reply that did not come out in the format asked for; the next one may."""
logger = logging.getLogger("runner.llm")


@dataclass(frozen=True)
class Refusal:
    """What a server states of a failed call; `message` is redacted."""

    message: str
    param: str = ""
    code: str = ""
    status: int | None = None
    named: set[str] = field(default_factory=set)
    """Options that were recognised in it."""

    def names(self, option: str) -> bool:
        return option in self.named


Attempt = Callable[[ChatRequest, EndpointCapabilities], tuple[Completion | TeacherError, Refusal]]
"""One call with these options: its completion, or our error; and what the server states."""


class OptionSearch:
    """The options of one model at one endpoint. Thread-safe."""

    def __init__(self, model: str, address: str, capabilities: EndpointCapabilities | None = None,
                 on_refused: OnRefused | None = None) -> None:
        """Start from what is known.

        Args:
            address: base URL, as messages show it.
            capabilities: what is known of the endpoint; None tries every option.
            on_refused: called once for each option that is found to be refused, from worker threads.
        """
        self.model = model
        self.address = address
        self.capabilities = capabilities or EndpointCapabilities()
        self._on_refused = on_refused
        self._succeeded = False
        self._server_errors = 0
        """Server errors since the last completion."""
        self._works_without_any = False
        """Whether the latest call that was refused without a name worked without options."""
        self._largest_accepted = 0
        """The largest token limit that a call was accepted with."""
        self._lock = threading.Lock()
        self._one_search = threading.Lock()

    def complete(self, request: ChatRequest, attempt: Attempt) -> Completion:
        """One completion, with all the options that the endpoint supports.

        Raises:
            TeacherError: any kind; the call was made once for each set of options that had to be tried.
        """
        capabilities, first, only_this_reply = self._capabilities_to_try(), "", False
        messages: dict[str, str] = {}
        while True:
            result, refusal = attempt(request, capabilities)
            if isinstance(result, Completion):
                self._note_success(request, capabilities)
                self._works_without_any = False
                if not only_this_reply:
                    self._remember(capabilities, messages)
                return result
            if isinstance(result, ContextTooLong) and (room := room_for_reply(refusal.message, request.max_tokens)):
                request = replace(request, max_tokens=room)
                continue
            first = first or refusal.message
            only_this_reply = only_this_reply or _is_about_this_reply(result, refusal)
            option = self._refused_option(result, refusal, capabilities, request)
            if option is None and _names_nothing(result, refusal):
                found = self._search(request, capabilities, attempt, result, refusal.message)
                if isinstance(found, Completion):
                    return found
                if isinstance(found, TeacherError):
                    raise _with_first_refusal(found, first)
                capabilities = found
                continue
            simpler = capabilities.without_option(option, refusal.message, request.max_tokens) if option else None
            if option is None or simpler is None:
                raise _with_first_refusal(result, first)
            logger.warning("%s refuses the option %s of %s: %s", self.address, option, self.model, refusal.message)
            messages[option] = refusal.message
            if refusal.names(option):
                self._remember(simpler, messages)
            capabilities = simpler

    def learn_from(self, request: ChatRequest, failures: Sequence[Refusal]) -> TeacherError | None:
        """Give up the options that earlier failures of one call refuse, in their order; all of them where a failure
        names none.

        Returns the failure that is not about options and that no repetition can mend, if there is one.
        """
        capabilities, messages = EndpointCapabilities(), dict[str, str]()
        for refusal in failures:
            error = translate_error_body(FailedCall(self.model, self.address, refusal.message, refusal.code,
                                                    refusal.status))
            if isinstance(error, ContentRefused):
                return error
            option = self._refused_option(error, refusal, capabilities, request)
            simpler = capabilities.without_option(option, refusal.message, request.max_tokens) if option else None
            if option is None and _names_nothing(error, refusal):
                simpler = next(_without_any(capabilities, request), None)
                messages |= dict.fromkeys((simpler or capabilities).refused, refusal.message)
            if simpler is None and not isinstance(error, EndpointUnavailable | RateLimited):
                return error
            messages |= {option: refusal.message} if option else {}
            capabilities = simpler or capabilities
        self._remember(capabilities, messages)
        return None

    def _search(self, request: ChatRequest, refused: EndpointCapabilities, attempt: Attempt, error: TeacherError,
                message: str) -> Completion | EndpointCapabilities | TeacherError:
        """A completion with fewer options, after a refusal that names none.

        Returns the options to try next where one was found to be refused meanwhile, and the last error where nothing
        works; without options that is the endpoint's own reason. One search runs at a time.
        """
        with self._one_search:
            known = refused.merge(self.capabilities)
            if known != refused:  # another call has found something out
                return known
            keep_limit = request.max_tokens > self._largest_accepted > 0  # it is too large: better fail than have none
            steps = refused.each_given_up(request, keep_limit) if self._works_without_any else \
                (("", fewer) for fewer in _without_any(refused, request, keep_limit))
            for option, fewer in steps:
                result, refusal = attempt(request, fewer)
                if isinstance(result, Completion):
                    self._note_success(request, fewer)
                    self._works_without_any = True
                    self._learn(refused, option, fewer, message)
                    return result
                error, named = result, self._refused_option(result, refusal, fewer, request)
                if named and refusal.names(named) and \
                        (simpler := refused.without_option(named, refusal.message, request.max_tokens)):
                    self._remember(simpler, {named: refusal.message})
                    return simpler
                if not _names_nothing(result, refusal):
                    break
            self._works_without_any = False
            return error

    def _learn(self, refused: EndpointCapabilities, option: str, accepted: EndpointCapabilities, message: str) -> None:
        """Remember the option that made the difference; without one, all were left out, and it is not known yet."""
        if not option:
            logger.warning("%s refuses a call to %s and names no reason in it; it accepts the call without options: %s",
                           self.address, self.model, message)
            return
        logger.warning("%s refuses the option %s of %s without naming it: %s", self.address, option, self.model,
                       message)
        self._remember(EndpointCapabilities.from_refused({**refused.refused, option: accepted.refused[option]}),
                       {option: message})

    def _note_success(self, request: ChatRequest, capabilities: EndpointCapabilities) -> None:
        self._succeeded, self._server_errors = True, 0
        if capabilities.limit_name:
            self._largest_accepted = max(self._largest_accepted, request.max_tokens)

    def _refused_option(self, error: TeacherError, refusal: Refusal, capabilities: EndpointCapabilities,
                        request: ChatRequest) -> str | None:
        """The option to give up after a failed call; None where the failure names none, or is not about options.

        A refusal of the content, or of the reply's format, may be about the response format. Servers also answer 500 to
        options that they cannot process; one that names no option is taken for an outage.
        """
        named = capabilities.refused_option(refusal.message, refusal.param, request,
                                            hints=isinstance(error, RequestRefused))
        if named:
            refusal.named.add(named)
        if isinstance(error, RequestRefused):
            formatted = "response_format" in capabilities.sent(request)
            return named or ("response_format" if formatted and _is_about_this_reply(error, refusal) else None)
        if isinstance(error, UnknownModel) and "model_not_found" not in refusal.code:
            return named
        if isinstance(error, EndpointUnavailable) and refusal.status in _SCHEMA_FAILURES:
            self._server_errors += not named
            return named
        return None

    def _capabilities_to_try(self) -> EndpointCapabilities:
        """What is known; after repeated server errors and no completion yet, a simpler response format: some servers
        answer a schema that they cannot compile with no more than "internal server error"."""
        capabilities = self.capabilities
        for _ in range(0 if self._succeeded else self._server_errors - 1):
            capabilities = capabilities.without_option("response_format") or capabilities
        return capabilities

    def _remember(self, capabilities: EndpointCapabilities, messages: Mapping[str, str]) -> None:
        """Add what was found out; `messages` has the refusals by option."""
        with self._lock:
            before, self.capabilities = self.capabilities.refused, self.capabilities.merge(capabilities)
            found = {option: instead for option, instead in self.capabilities.refused.items()
                     if before.get(option) != instead}
        for option, instead in found.items():
            message = messages.get("limit" if option == LARGEST_LIMIT else option, "")
            if self._on_refused:
                self._on_refused(RefusedOption(option, instead, message))


def _without_any(capabilities: EndpointCapabilities, request: ChatRequest, keep_limit: bool = False
                 ) -> Iterator[EndpointCapabilities]:
    """The same without the options that are only sent or not; then also without token limit and system role."""
    for fewer in (capabilities.fewest(), capabilities.fewest(bare=True, keep_limit=keep_limit)):
        if (fewer.options(request), fewer.messages(request)) != (capabilities.options(request),
                                                                 capabilities.messages(request)):
            yield fewer
            capabilities = fewer


def _names_nothing(error: TeacherError, refusal: Refusal) -> bool:
    """Whether a failure, in which no option was recognised, may be about one all the same."""
    return isinstance(error, RequestRefused) and refusal.status in _OPTION_STATUSES and \
        not _is_about_this_reply(error, refusal)


def _is_about_this_reply(error: TeacherError, refusal: Refusal) -> bool:
    """Whether a refusal says nothing about later calls: of the content, or of a reply that came out wrong."""
    return isinstance(error, ContentRefused) or _FAILED_GENERATION in refusal.code


def _with_first_refusal(error: TeacherError, first: str) -> TeacherError:
    """The error of the last attempt, with the first refusal where that differs: the later options may cause others."""
    if isinstance(error, RequestRefused) and first and first not in str(error):
        return type(error)(f"{error}; the first refusal: {first}")
    return error
