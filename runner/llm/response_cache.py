"""Durable response cache of a chat model: replies are stored before use, so no call is paid for twice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace

from runner.llm.batch_queue import BatchQueue
from runner.llm.chat import Chat, ChatRequest, Completion
from runner.llm.cost_limit import check_cost_limit
from runner.llm.errors import (
    ContextTooLong, CostLimitReached, EndpointUnavailable, ReplyNotStored, RequestRefused, UnreadableReply,
)
from runner.llm.unicode_repair import storable
from runner.protocols import Usage
from store.costs.call_claims import claim_call, release_call
from store.costs.llm_calls import (
    COMPARISON_PURPOSE, LLMCall, UsageTotals, call_key, comparison_usage, cost_of, find_call, playground_purpose,
    playground_question_usage, playground_usage, record_call, run_usage,
)
from store.costs.reply_limits import MAX_REPLY_TOKENS, larger_limit
from store.database import Store
from store.event_log.outbox import BUDGET, note_occasion

_LOOP_CHARACTERS = 40
MAX_REPETITIONS = 20
"""How often one reply that cannot be used is asked for, over all processes."""
WAIT_FOR_CALL_SECONDS = 0.25
"""How often a run looks whether another run's equal call has been answered."""
BATCH_REPETITIONS = 2
"""The same with batches, where each repetition may take a day."""


class CachedChat:
    """Returns stored replies, or makes the call and stores its reply first. Thread-safe."""

    def __init__(self, chat: Chat, model: str, address: str, run: str, store: Store | None,
                 budget_usd: float | None = None, judging: bool = False, asked: int | None = None,
                 effort: str | None = None, max_reply_tokens: int = MAX_REPLY_TOKENS,
                 batches: BatchQueue | None = None, comparing: bool = False,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        """A client whose replies are stored for a run.

        Args:
            budget_usd: the most that the run may cost; None for no limit.
            judging: usage is that of the run's judge, not of its teacher.
            asked: the number of a playground question: calls are recorded for it, not for the run.
            effort: the reasoning effort that every request asks for; None sends none.
            max_reply_tokens: the most tokens of any reply, also of one that is asked for again with a larger limit.
            batches: where calls are collected instead of being made.
            comparing: the model is another teacher that the run's is compared with: usage and budget are of these
                calls alone, and none of the run's. Replies are shared with runs that this model teaches.
            sleep: waits while another run makes the same call; may raise to give up.
        """
        self._chat = chat
        self._model = model
        self._address = address
        self._run = run
        self._store = store
        self._budget_usd = budget_usd
        self._judging = judging
        self._asked = asked
        self._effort = effort
        self._max_reply_tokens = max_reply_tokens
        self._batches = batches
        self._comparing = comparing
        self._sleep = sleep
        self._reused = 0
        self._made: set[str] = set()
        """Keys of the calls that this process made."""
        self._needs_larger_limit: set[str] = set()
        """Purposes whose replies were complete only with the larger token limit."""
        self._paid: list[Completion] = []
        self._limit_noted = False
        self._lock = threading.Lock()

    @property
    def in_batches(self) -> bool:
        """Whether calls are collected for a batch."""
        return self._batches is not None

    def complete(self, request: ChatRequest) -> Completion:
        """The stored reply, or a new one, on disk before it is returned.

        A reply that was cut off at the token limit (reasoning counts towards it) is asked for once more with a larger
        limit; both calls are stored and paid. Later requests of the purpose start at that limit.

        Raises:
            TeacherError: the call was needed and failed; failures are not stored.
            CostLimitReached: the call was needed, and the run's budget is spent.
        """
        try:
            return self._complete(replace(request, reasoning_effort=self._effort or request.reasoning_effort,
                                          max_tokens=min(request.max_tokens, self._max_reply_tokens)))
        except CostLimitReached as error:
            self._note_limit(str(error))
            raise

    def _complete(self, request: ChatRequest) -> Completion:
        """The reply, asked for again with a larger limit where it was cut off."""
        larger = replace(request, max_tokens=larger_limit(request.max_tokens, self._max_reply_tokens)) \
            if request.grow else request
        if request.purpose in self._needs_larger_limit and not self._is_stored(request):
            return self._stored_or_new(larger)
        completion = self._stored_or_new(request)
        if not completion.cut_off or larger == request or _repeats_itself(completion.text):
            return completion
        try:
            whole = self._stored_or_new(larger)
        except (ContextTooLong, RequestRefused, UnreadableReply, EndpointUnavailable, ReplyNotStored):
            return completion  # the endpoint does not allow so much, or takes too long for it
        if not whole.cut_off:
            self._needs_larger_limit.add(request.purpose)
        return whole

    def _stored_or_new(self, request: ChatRequest) -> Completion:
        """The reply of one call.

        A stored reply that cannot be used (damaged, or without text) is asked for again by later processes: the
        endpoint may have been repaired. This process asks only once.
        """
        if self._store is None:
            return self._call_uncached(request)
        if self._asked is not None:
            request = replace(request, purpose=playground_purpose(self._asked, request.purpose))
        unusable: Completion | None = None
        repetitions = MAX_REPETITIONS if self._batches is None else BATCH_REPETITIONS
        for repetition in range(repetitions):
            key = self.cache_key(request if repetition == 0 else
                                 replace(request, item=f"{request.item} repetition {repetition}"))
            known = find_call(self._store, key)
            if known is None:
                break
            completion = _completion(known.response)
            if completion is not None and (_is_usable(completion) or key in self._made
                                           or repetition == repetitions - 1):
                with self._lock:
                    self._reused += 1
                return completion
            unusable = completion or unusable
        if self._batches:
            self._batches.postpone(key, request, self._left_usd())
        if not self._claim(self._store, key):
            return self._stored_or_new(request)
        try:
            return self._call_and_store(self._store, key, request)
        except ReplyNotStored:  # a run from stored replies takes what there is
            if unusable is None:
                raise
            return unusable
        finally:
            release_call(self._store, key, self._run)

    def _claim(self, store: Store, key: str) -> bool:
        """Claim a call, waiting while another run makes it; False where its reply has been stored meanwhile."""
        while not claim_call(store, key, self._run):
            self._sleep(WAIT_FOR_CALL_SECONDS)
            if find_call(store, key):
                return False
        if find_call(store, key):  # between the first look and the claim
            release_call(store, key, self._run)
            return False
        return True

    def _call_and_store(self, store: Store, key: str, request: ChatRequest) -> Completion:
        completion = self._call_uncached(request)
        purpose = COMPARISON_PURPOSE + request.purpose if self._comparing else request.purpose
        stored = record_call(store, LLMCall(key, self._run, self._model, purpose, json.dumps(asdict(completion)),
                                            completion.prompt_tokens, completion.completion_tokens,
                                            completion.reasoning_tokens,
                                            cached_prompt_tokens=completion.cached_prompt_tokens))
        self._made.add(key)
        return _completion(stored.response) or completion

    def _is_stored(self, request: ChatRequest) -> bool:
        if self._store is None:
            return False
        if self._asked is not None:
            request = replace(request, purpose=playground_purpose(self._asked, request.purpose))
        return find_call(self._store, self.cache_key(request)) is not None

    def cache_key(self, request: ChatRequest) -> str:
        """Cache key of a request: a hash of all that decides the reply, the endpoint included."""
        prompt = f"{request.system}\n\n{request.user}"
        parameters = {"address": self._address, "temperature": request.temperature, "max_tokens": request.max_tokens,
                      "seed": request.seed, "schema": dict(request.schema)}
        parameters |= {name: value for name in ("top_p", "reasoning_effort")
                       if (value := getattr(request, name)) is not None}
        return call_key(self._model, prompt, parameters, f"{request.purpose}: {request.item}")

    def usage(self) -> Usage:
        """Usage of this run, or this playground question, so far; without a store, of this process."""
        if self._store is None:
            spent = self._unrecorded()
        elif self._comparing:
            spent = comparison_usage(self._store, self._run, self._model)
        elif self._asked is not None:
            spent = playground_question_usage(self._store, self._asked)
        else:
            spent = run_usage(self._store, self._run, self._judging)
        return Usage(spent.calls, self._reused, spent.prompt_tokens, spent.completion_tokens, self._cost(spent),
                     spent.reasoning_tokens, spent.cached_prompt_tokens)

    def _cost(self, spent: UsageTotals) -> float | None:
        return None if spent.unmetered else cost_of(self._model, spent)

    def _left_usd(self) -> float | None:
        """What is left of the budget; None without one, or where the cost so far is unknown."""
        spent = self._spent() if self._budget_usd is not None else None
        return None if spent is None or self._budget_usd is None else self._budget_usd - spent

    def _spent(self) -> float | None:
        """Cost in USD that counts towards the budget: the run and playground questions on it together."""
        if self._comparing and self._store:
            return self._cost(comparison_usage(self._store, self._run, self._model))
        return self._cost(run_usage(self._store, self._run) + playground_usage(self._store, self._run)
                          if self._store else self._unrecorded())

    def _call_uncached(self, request: ChatRequest) -> Completion:
        check_cost_limit(self._spent() if self._budget_usd is not None else None, self._budget_usd)
        completion = self._chat.complete(request)
        with self._lock:
            self._paid.append(completion)
        return completion

    def _note_limit(self, sentence: str) -> None:
        """Note for webhooks that the run's budget is spent, once for each run."""
        with self._lock:
            noted, self._limit_noted = self._limit_noted, True
        if self._store is not None and not noted:
            of = f" on {self._model}, compared with its teacher" if self._comparing else ""
            with self._store.write() as connection:
                note_occasion(connection, BUDGET, self._run, f"No further call is made{of}: {sentence}.",
                              f"{self._run}{of}")

    def _unrecorded(self) -> UsageTotals:
        with self._lock:
            paid = list(self._paid)
        counts = [(reply.prompt_tokens, reply.completion_tokens) for reply in paid]
        return UsageTotals(calls=len(counts), prompt_tokens=sum(prompt or 0 for prompt, _ in counts),
                           completion_tokens=sum(completion or 0 for _, completion in counts),
                           unmetered=sum(None in pair for pair in counts),
                           reasoning_tokens=sum(reply.reasoning_tokens or 0 for reply in paid),
                           cached_prompt_tokens=sum(reply.cached_prompt_tokens or 0 for reply in paid))


def _completion(response: str) -> Completion | None:
    """The completion in a stored response; None where it cannot be read."""
    try:
        found = Completion(**json.loads(response))
        return replace(found, text=storable(found.text))
    except (ValueError, TypeError, AttributeError):
        return None


def _repeats_itself(text: str) -> bool:
    """Whether a reply ends in a loop, as those of very small models do: more tokens would repeat it further."""
    end = text[-_LOOP_CHARACTERS:]
    return len(end) == _LOOP_CHARACTERS and text.count(end) > 2


def _is_usable(completion: Completion) -> bool:
    """Whether there is anything in it to use: text, a refusal, or a cut-off that a larger limit answers."""
    return not completion.broken_off and bool(completion.text.strip() or completion.refusal or completion.cut_off
                                              or completion.finish == "content_filter")
