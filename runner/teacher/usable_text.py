"""The text of a completion, or why there is none. Pure."""

from __future__ import annotations

from runner.llm.chat import Completion
from runner.llm.errors import ContentRefused, UnreadableReply, WrongForm
from runner.llm.json_extraction import beginning_of


def usable_text(completion: Completion, whole: bool = True) -> str:
    """The text of a complete, non-empty completion; with `whole` False one that was cut off will do.

    Raises:
        RequestRefused: the model or a content filter refused.
        UnreadableReply: cut off at the token limit, or empty.
    """
    if completion.refusal or completion.finish == "content_filter":
        raise ContentRefused(f"the model refused ({(completion.refusal or 'content filter')[:80]}): "
                             "ask about another passage, or use another teacher model")
    if completion.cut_off and (whole or not completion.text.strip()):
        kind = WrongForm if completion.text.strip() else UnreadableReply
        raise kind(f"the reply was cut off at the token limit ({_details(completion)}), also with a larger "
                              "limit: use a teacher model that writes or reasons less")
    if completion.broken_off:
        raise UnreadableReply(f"the reply ended in an error of the server ({beginning_of(completion.text)}): ask "
                              "again, or use another endpoint")
    if not completion.text.strip():
        raise UnreadableReply(f"the reply is empty ({_details(completion)}): ask again, or use another teacher model")
    return completion.text


def _details(completion: Completion) -> str:
    """What the server returned instead of text."""
    tokens = "" if completion.completion_tokens is None else f", {completion.completion_tokens} tokens"
    reasoning = f", reasoning {beginning_of(completion.reasoning)}" if completion.reasoning else ""
    return f"finish_reason {completion.finish!r}{tokens}{reasoning}"
