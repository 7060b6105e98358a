"""Parse the body of a chat completion leniently: compatible servers omit fields, add some, or send null. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from runner.llm.chat import Completion
from runner.llm.error_body import find_error
from runner.llm.errors import EndpointUnavailable, UnreadableReply
from runner.llm.response_body import decode_body, first_choice, unwrapped
from runner.llm.unicode_repair import storable

_LENGTH = re.compile(r"length|max\w*tokens?|model_length|token\w*limit|truncat|incomplete|context_?window", re.I)
"""Reasons for the end of a reply that mean that it was cut off."""
_FILTERED = re.compile(r"content_?filter|safety|recitation|sensitive|refus|prohibited|block|spii|moderation|"
                       r"guardrail|policy", re.I)
"""Reasons for the end of a reply that mean that its content was refused."""
_FINISH_FIELDS = ("finish_reason", "native_finish_reason", "stop_reason", "finishReason", "done_reason")
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_NOT_THE_REPLY = re.compile(r"think|reason|thought|refusal", re.I)
"""Kinds of a content's parts that are not the reply."""
# The names that servers give to the counts of tokens.
_PROMPT_TOKENS = ("prompt_tokens", "input_tokens", "promptTokens", "prompt_eval_count", "promptTokenCount")
_COMPLETION_TOKENS = ("completion_tokens", "output_tokens", "completionTokens", "eval_count", "candidatesTokenCount")
_TOTAL_TOKENS = ("total_tokens", "totalTokens", "totalTokenCount")
_REASONING_TOKENS = ("reasoning_tokens", "thinking_tokens", "thoughts_token_count", "thoughtsTokenCount")
_CACHED_TOKENS = ("cached_tokens", "prompt_cache_hit_tokens", "cachedContentTokenCount")
_DETAILS = ("completion_tokens_details", "output_tokens_details")
_PROMPT_DETAILS = ("prompt_tokens_details", "input_tokens_details")
CONTENT_FILTER = "content_filter"
REASONING_CHARACTERS = 200
"""How much of separately returned reasoning is kept, for error messages."""


def parse_completion(body: str, address: str) -> Completion:
    """The completion in a response body.

    Raises:
        EndpointUnavailable: the body is not JSON, or states an error: no such endpoint talks like this.
        UnreadableReply: JSON without a choice in it.
    """
    try:
        value = unwrapped(decode_body(body))
    except (ValueError, RecursionError):
        raise EndpointUnavailable(f"{address} answers, but not with JSON ({body.strip()[:60]!r}): check that the "
                                  "address is "
                                  "that of an OpenAI-compatible API (most end in /v1)") from None
    if error := find_error(value):
        raise EndpointUnavailable(f"{address} reports an error ({error.message[:200]}): try later")
    choice = first_choice(value)
    if choice is None:
        raise UnreadableReply(f"the reply of {address} holds no choice ({body.strip()[:60]!r}): "
                              "retry, or check that the address is that of a chat completions API")
    stated = choice.get("message") or choice.get("delta")
    message = stated if isinstance(stated, dict) else {"content": stated}
    finish = storable(_finish(choice))
    filtered = bool(_FILTERED.search(finish.replace("-", "_")))
    refusal = storable(_text(message.get("refusal")) or _refusal_part(message.get("content")))
    reasoning = next((text for name in _REASONING_FIELDS if (text := _text(message.get(name), reasoning=True))), "")
    return Completion(text=storable(_text(message.get("content")) or _arguments(message) or _text(choice.get("text"))),
                      finish=CONTENT_FILTER if filtered else "length" if _LENGTH.search(finish) else finish,
                      **_tokens(_dict(value.get("usage"))),
                      refusal=refusal or (finish if filtered and finish != CONTENT_FILTER else None),
                      reasoning=storable(reasoning)[:REASONING_CHARACTERS])


def _finish(choice: Mapping[str, Any]) -> str:
    """Why the reply ended, by the most exact reason that the choice states."""
    reasons = [choice[name] for name in _FINISH_FIELDS if isinstance(choice.get(name), str) and choice[name]]
    reason = reasons[0] if reasons else "stop"
    details = _dict(choice.get("incomplete_details")).get("reason")
    return details if reason == "incomplete" and isinstance(details, str) and details else reason


def _tokens(usage: Mapping[str, Any]) -> dict[str, int | None]:
    """The token counts of a completion. Where a server counts reasoning apart from the completion, the total tells;
    reasoning is billed as completion."""
    prompt, completion = _count_of(usage, _PROMPT_TOKENS), _count_of(usage, _COMPLETION_TOKENS)
    total = _count_of(usage, _TOTAL_TOKENS)
    if completion is None and prompt is not None and total is not None and total >= prompt:
        return {"prompt_tokens": prompt, "completion_tokens": total - prompt, "reasoning_tokens": None,
                "cached_prompt_tokens": _cached(usage, prompt)}
    reasoning = _count_within(usage, _DETAILS, _REASONING_TOKENS)
    if completion is not None and reasoning and total == (prompt or 0) + completion + reasoning:
        completion += reasoning
    return {"prompt_tokens": prompt, "completion_tokens": completion, "reasoning_tokens": reasoning,
            "cached_prompt_tokens": _cached(usage, prompt)}


def _cached(usage: Mapping[str, Any], prompt: int | None) -> int | None:
    """How many of the prompt tokens the server had cached; None where it does not say, or says more than there were."""
    cached = _count_within(usage, _PROMPT_DETAILS, _CACHED_TOKENS)
    return cached if cached is not None and prompt is not None and cached <= prompt else None


def _count_within(usage: Mapping[str, Any], details: Sequence[str], names: Sequence[str]) -> int | None:
    """A count that stands among the details of a usage, or beside them."""
    found = next((within for name in details if (within := _dict(usage.get(name)))), {})
    count = _count_of(found, names)
    return _count_of(usage, names) if count is None else count


def _count_of(usage: Mapping[str, Any], names: Sequence[str]) -> int | None:
    return next((count for name in names if (count := _count(usage.get(name))) is not None), None)


def _text(content: Any, reasoning: bool = False) -> str:
    """The text of a message's content: a string, parts with text, or an object that is the reply itself.

    Args:
        reasoning: whether parts that are reasoning count too.
    """
    if isinstance(content, list):
        return "".join(_part_text(part, reasoning) for part in content)
    if isinstance(content, dict):
        return _part_text(content, reasoning) or ("" if reasoning or "type" in content else json.dumps(content))
    if isinstance(content, int | float) and not isinstance(content, bool):
        return str(content)
    return content if isinstance(content, str) else ""


def _part_text(part: Any, reasoning: bool) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or (not reasoning and _NOT_THE_REPLY.search(str(part.get("type") or ""))):
        return ""
    text = part.get("text") or (part.get("summary") if reasoning else "")
    return _text(text.get("value") if isinstance(text, dict) else text)


def _refusal_part(content: Any) -> str:
    """The refusal that stands as a part of the content."""
    parts = content if isinstance(content, list) else ()
    return next((part["refusal"] for part in parts if isinstance(part, dict) and isinstance(part.get("refusal"), str)),
                "")


def _arguments(message: Mapping[str, Any]) -> str:
    """The reply of a server that puts structured output where the arguments of a function go, or decoded."""
    calls = message.get("tool_calls")
    functions = [_dict(call).get("function") for call in calls] if isinstance(calls, list) else []
    for function in (*functions, message.get("function_call")):
        if arguments := _dict(function).get("arguments"):
            return arguments if isinstance(arguments, str) else json.dumps(arguments)
    parsed = message.get("parsed")
    return json.dumps(parsed) if isinstance(parsed, dict) and parsed else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    if (isinstance(value, float) and value.is_integer()) or (isinstance(value, str) and value.isdecimal()):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
