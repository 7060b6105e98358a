"""A chat whose replies are in the store before they are used: what was paid for once is never paid for again."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, replace

from runner.llm.chat import Chat, ChatRequest, Completion
from runner.llm.errors import CostLimitReached
from runner.protocols import Usage
from store.costs.llm_calls import (
    LLMCall, UsageTotals, call_key, find_call, playground_purpose, playground_question_usage, playground_usage,
    record_call, run_usage,
)
from store.costs.prices import cost_usd
from store.database import Store


class CachedChat:
    """Takes replies from the receipts, or makes the call and records it first. Safe to use from several threads."""

    def __init__(self, chat: Chat, model: str, address: str, run: str, store: Store | None,
                 budget_usd: float | None = None, judging: bool = False, asked: int | None = None) -> None:
        """`asked` is the number of a person's question: its calls are that question's and not the run's."""
        self._chat = chat
        self._model = model
        self._address = address
        self._run = run
        self._store = store
        self._budget_usd = budget_usd
        self._judging = judging
        self._asked = asked
        self._reused = 0
        self._paid: list[Completion] = []
        self._lock = threading.Lock()

    def complete(self, request: ChatRequest) -> Completion:
        """The recorded reply, or a new one, on disk before it is returned.

        Raises:
            TeacherError: the call was needed and failed; failures are not recorded.
            CostLimitReached: the call was needed, and what the run may cost is spent.
        """
        if self._store is None:
            return self._call_uncached(request)
        if self._asked is not None:
            request = replace(request, purpose=playground_purpose(self._asked, request.purpose))
        key = self.cache_key(request)
        known = find_call(self._store, key)
        if known:
            with self._lock:
                self._reused += 1
            return _completion(known.response)
        completion = self._call_uncached(request)
        kept = record_call(self._store,
                           LLMCall(key, self._run, self._model, request.purpose, json.dumps(asdict(completion)),
                                   completion.prompt_tokens, completion.completion_tokens))
        return _completion(kept.response)

    def cache_key(self, request: ChatRequest) -> str:
        """The receipt's name for a request: all that decides the reply, the endpoint included."""
        prompt = f"{request.system}\n\n{request.user}"
        parameters = {"address": self._address, "temperature": request.temperature, "max_tokens": request.max_tokens,
                      "seed": request.seed, "schema": dict(request.schema)}
        return call_key(self._model, prompt, parameters, f"{request.purpose}: {request.item}")

    def usage(self) -> Usage:
        """What this run, or this question, has used so far; without a store, what this process has."""
        if self._store is None:
            spent = self._unrecorded()
        elif self._asked is not None:
            spent = playground_question_usage(self._store, self._asked)
        else:
            spent = run_usage(self._store, self._run, self._judging)
        return Usage(spent.calls, self._reused, spent.prompt_tokens, spent.completion_tokens, self._cost(spent))

    def _cost(self, spent: UsageTotals) -> float | None:
        return None if spent.unmetered else cost_usd(self._model, spent.prompt_tokens, spent.completion_tokens)

    def _spent(self) -> float | None:
        """Of the budget, which holds the run and people's questions on it together."""
        return self._cost(run_usage(self._store, self._run) + playground_usage(self._store, self._run)
                          if self._store else self._unrecorded())

    def _call_uncached(self, request: ChatRequest) -> Completion:
        spent = self._spent() if self._budget_usd is not None else None
        if spent is not None and self._budget_usd is not None and spent >= self._budget_usd:
            raise CostLimitReached(f"the run has cost {spent:.4f} USD of the {self._budget_usd:g} USD that it may cost")
        completion = self._chat.complete(request)
        with self._lock:
            self._paid.append(completion)
        return completion

    def _unrecorded(self) -> UsageTotals:
        with self._lock:
            counts = [(reply.prompt_tokens, reply.completion_tokens) for reply in self._paid]
        return UsageTotals(calls=len(counts), prompt_tokens=sum(prompt or 0 for prompt, _ in counts),
                           completion_tokens=sum(completion or 0 for _, completion in counts),
                           unmetered=sum(None in pair for pair in counts))


def _completion(response: str) -> Completion:
    return Completion(**json.loads(response))
