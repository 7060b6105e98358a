"""Build a judge model's requests and parse its replies, from and to ragas's pydantic models. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from runner.llm.chat import ChatRequest, Completion
from runner.llm.errors import ContentRefused, UnreadableReply
from runner.llm.json_extraction import extract_json
from store.costs.judge_cost import REPLY_TOKENS
from store.costs.llm_calls import JUDGE_PURPOSE

SYSTEM = "You judge texts exactly as you are told to. Reply with one JSON object and nothing else."
SEED = 1


def build_request(prompt: str, response_model: type[BaseModel], metric: str, item: str, attempt: int) -> ChatRequest:
    """The request for a reply of this model; a second attempt has a higher temperature."""
    attempt_item = f"{item} (attempt {attempt})" if attempt > 1 else item
    return ChatRequest(system=SYSTEM, user=prompt, schema_name=response_model.__name__,
                       schema=strict_schema(response_model.model_json_schema()),
                       temperature=0.0 if attempt == 1 else 0.3, max_tokens=REPLY_TOKENS, seed=SEED + attempt - 1,
                       purpose=JUDGE_PURPOSE + metric, item=attempt_item)


def parse_reply(response_model: type[BaseModel], reply: Completion) -> BaseModel:
    """The reply as an instance of `response_model`.

    Raises:
        ContentRefused: the model would not answer.
        UnreadableReply: cut off, not JSON, or JSON that does not validate.
    """
    if reply.refusal or reply.finish == "content_filter":
        raise ContentRefused(f"the judge refused to answer: {reply.refusal or 'filtered'}")
    if reply.cut_off:
        raise UnreadableReply(f"the judge's reply was cut off at {REPLY_TOKENS} tokens, and at the larger limit")
    if reply.broken_off:
        raise UnreadableReply("the judge's reply ended in an error of the server")
    try:
        return response_model.model_validate(extract_json(reply.text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UnreadableReply(f"the judge's reply does not have the form asked for ({where}: {first['msg']})") from None


def strict_schema(schema: Any) -> Any:
    """A JSON schema in strict form: every property required, no additional ones."""
    if isinstance(schema, list):
        return [strict_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {key: strict_schema(value) for key, value in schema.items()}
    if "properties" in whole:
        whole |= {"additionalProperties": False, "required": list(whole["properties"])}
    return whole
