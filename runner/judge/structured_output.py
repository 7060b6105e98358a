"""What a judge model is asked and what it replied, as the values that ragas works with. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from runner.llm.chat import ChatRequest, Completion
from runner.llm.errors import RequestRefused, UnreadableReply
from runner.llm.json_extraction import extract_json
from store.costs.llm_calls import JUDGE_PURPOSE

SYSTEM = "You judge texts exactly as you are told to. Reply with one JSON object and nothing else."
MAX_TOKENS = 2048
"""Of one reply: a verdict with its reason on every statement of a long answer."""
SEED = 1


def build_request(prompt: str, form: type[BaseModel], metric: str, item: str, attempt: int) -> ChatRequest:
    """The call that asks for a reply of this form; a second attempt is asked a little freer."""
    tried = f"{item} (attempt {attempt})" if attempt > 1 else item
    return ChatRequest(system=SYSTEM, user=prompt, schema_name=form.__name__,
                       schema=strict_schema(form.model_json_schema()),
                       temperature=0.0 if attempt == 1 else 0.3, max_tokens=MAX_TOKENS, seed=SEED + attempt - 1,
                       purpose=JUDGE_PURPOSE + metric, item=tried)


def parse_reply(form: type[BaseModel], reply: Completion) -> BaseModel:
    """The reply in its form.

    Raises:
        RequestRefused: the model would not answer.
        UnreadableReply: cut off, not JSON, or JSON of another form.
    """
    if reply.refusal or reply.finish == "content_filter":
        raise RequestRefused(f"the judge refused to answer: {reply.refusal or 'filtered'}")
    if reply.cut_off:
        raise UnreadableReply(f"the judge's reply was cut off at {MAX_TOKENS} tokens")
    try:
        return form.model_validate(extract_json(reply.text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UnreadableReply(f"the judge's reply does not have the form asked for ({where}: {first['msg']})") from None


def strict_schema(schema: Any) -> Any:
    """A JSON schema as endpoints want it: every property required, none besides."""
    if isinstance(schema, list):
        return [strict_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {key: strict_schema(value) for key, value in schema.items()}
    if "properties" in whole:
        whole |= {"additionalProperties": False, "required": list(whole["properties"])}
    return whole
