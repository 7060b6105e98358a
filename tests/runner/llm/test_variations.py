"""Variations of what endpoints and models do: refusals in other wordings, other marks of thinking, almost JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from runner.llm.backoff import retry_after_seconds
from runner.llm.capabilities import EndpointCapabilities
from runner.llm.credentials import key_for
from runner.llm.errors import (
    InvalidKey, QuotaExceeded, TeacherError, UnknownModel, UnreadableReply,
)
from runner.llm.json_extraction import extract_json
from runner.llm.openai_client import OpenAIChat
from runner.llm.reasoning import strip_reasoning
from runner.teacher.reply_parsing import Draft, parse_answer, parse_questions
from store.endpoint_address import address_errors
from store.run_config import InvalidConfig
from store.presets import preset
from tests.runner.fake_openai import FakeOpenAI, refuse, send
from tests.runner.fake_teachers import REQUEST

FULL = dataclasses.replace(REQUEST, top_p=0.9, reasoning_effort="low", max_tokens=8192)


@pytest.mark.parametrize(("option", "message"), [
    ("seed", "The parameter 'seed' is not supported by this model"), ("seed", "unexpected keyword argument ‹seed›"),
    ("seed", "Additional properties are not allowed ('seed' was unexpected)"),
    ("seed", "UnsupportedParamsError: bedrock does not support parameters: {'seed': 5}, for model=x"),
    ("temperature", "temperature may only be set to 1 when thinking is enabled."),
    ("top_p", "parameter topP is not supported"), ("limit", "Unknown parameter: maxTokens"),
    ("limit", "max_new_tokens must be <= 2048"),
    ("reasoning_effort", "Unsupported value: 'none' is not supported with the 'gpt-5' model. Supported values are: "
                         "'minimal', 'low', 'medium', and 'high'."),
    ("reasoning_effort", '"llama3:8b" does not support thinking'),
    ("reasoning_effort", '"a/b" does not support reasoning'),
    ("response_format", "constrained decoding requires xgrammar"), ("response_format", "JSON output is not supported"),
    ("response_format", "outlines is not installed: structured generation is disabled"),
    ("response_format", "'response_format.type' must be 'json_schema' or 'text'"),
    ("system role", "messages: first message must use the \"user\" role"),
    ("system role", "The first message must have the role user"), ("system role", "Invalid role: system"),
    ("system role", "messages: Unexpected role \"system\". The API accepts a top-level `system` parameter."),
    ("seed", "Der Parameter „seed“ wird nicht unterstützt"), ("seed", "Le paramètre « seed » n'est pas pris en charge"),
    ("seed", "参数seed不支持"), ("seed", "Параметр seed не поддерживается"), ("seed", 'json: unknown field "seed"'),
    ("seed", "ValidationException: #: extraneous key [seed] is not permitted"),
    ("temperature", "Only temperature=1 is supported"), ("temperature", "temperature 为无效值"),
    ("top_p", "TopP is not supported"), ("limit", "max_gen_len not allowed"), ("limit", "max_length is deprecated"),
    ("reasoning_effort", "enable_thinking must be true for this model"),
    ("response_format", "output_format is not supported"), ("response_format", "llguidance: unimplemented keys"),
    ("response_format", "Das Antwortformat json_schema wird nicht unterstützt"),
    ("system role", "Please ensure that roles alternate"), ("system role", "不支持 system 角色"),
    ("system role", "Die Rolle system wird nicht unterstützt"),
    ("system role", "body.messages[0].role: Invalid enum value. Expected 'user' | 'assistant', received 'system'")])
def test_a_refusal_in_other_words_names_the_same_option(option: str, message: str) -> None:
    assert EndpointCapabilities().refused_option(message, "", FULL) == option


@pytest.mark.parametrize(("option", "param"), [
    ("seed", "/seed"), ("seed", "$.seed"), ("seed", "body/seed"), ("temperature", "body.temperature"),
    ("limit", "generationConfig.maxOutputTokens"), ("reasoning_effort", "reasoning.effort"),
    ("response_format", "response_format.json_schema.schema"), ("system role", "messages[0].role")])
def test_a_refusal_may_name_its_option_in_a_field_of_its_own(option: str, param: str) -> None:
    assert EndpointCapabilities().refused_option("Bad request", param, FULL) == option


@pytest.mark.parametrize("words", [
    "Server is pinned to 'a'; requested 'm'.", "m is not a valid model ID", "Unable to access model m",
    "Invalid model name passed in model=m", "Model m is not loaded", "No models loaded. Please load a model first",
    "The requested model 'm' is not supported by any provider you have enabled", "Failed to load model \"m\"",
    "The model `m` has been decommissioned and is no longer supported", "The provided model identifier is invalid.",
    "The API deployment for this resource does not exist", "No such model: m", "Model m is not available"])
def test_an_endpoint_without_the_model_is_not_taken_for_one_that_refuses_an_option(fake: FakeOpenAI,
                                                                                   words: str) -> None:
    """Whatever the status and the wording: asked once, and said in the endpoint's own words."""
    chat = OpenAIChat("m", fake.url, "none")
    fake.script.append(refuse(400, words))
    with pytest.raises(UnknownModel) as raised:
        chat.complete(FULL)
    assert words in str(raised.value) and "does not know the model 'm'" in str(raised.value)
    assert len(fake.requests) == 1 and chat.capabilities == EndpointCapabilities()


@pytest.mark.parametrize(("option", "words"), [
    ("seed", "Model m does not support seed"), ("response_format", "This model does not support response_format"),
    ("temperature", "Unsupported value: 'temperature' is not supported with this model."),
    ("reasoning_effort", "reasoning_effort is not available with model m")])
def test_an_option_that_a_model_does_not_take_is_left_out_and_the_model_kept(fake: FakeOpenAI, option: str,
                                                                            words: str) -> None:
    fake.script.append(refuse(400, words))
    chat = OpenAIChat("gpt-4o-mini", fake.url, "none")
    assert chat.complete(FULL).text and set(chat.capabilities.refused) == {option}


@pytest.mark.parametrize("reply", [
    "<inner_monologue>hm</inner_monologue>27", "<chain_of_thought>hm</chain_of_thought>27", "<cot>hm</cot>\n27",
    "<thought_process>hm</thought_process>27", "<self_reflection>hm</self_reflection>27", "<mm:think>hm</mm:think>27",
    "&lt;think&gt;hm&lt;/think&gt;27", "hm&lt;/think&gt;27", "<think/>27", "<think></think>\n27",
    "<｜begin▁of▁thinking｜>hm<｜end▁of▁thinking｜>27", "**Thinking:** hm\n\n**Answer:** 27", "Thought: hm\nAnswer: 27",
    "# Reasoning\nhm\n# Answer\n27", "Reasoning: hm\nAnswer: 20?\n\nFinal answer: 27", "```thinking\nhm\n```\n27",
    "<details><summary>Thoughts</summary>hm</details>27", "<|im_start|>think\nhm\n<|im_start|>answer\n27",
    "Here are my reasoning steps:\nhm\n[BEGIN FINAL RESPONSE]\n27\n[END FINAL RESPONSE]<|end|>",
    "<think>hm</think><|begin_of_box|>27<|end_of_box|>", "**Thinking Process:**\n1. hm\n\n**Final Answer:**\n27",
    "Thinking...\nhm\n...done thinking.\n\n27", "```think\nhm\n```\n27", "<think>hm<\\/think>27",
    "\\<think\\>hm\\</think\\>27", "<|reasoning_start|>hm<|reasoning_end|>27",
    "<think>hm</think>27<｜end▁of▁sentence｜>",
    "<|assistant|>27", "27</s><s>", "27<|END_OF_TURN_TOKEN|>", "27[/INST]", "27<turn|>",
    "[THOUGHTS]hm[/THOUGHTS]27", "【思考】hm【/思考】27", "<思考>hm</思考>27", "{think}hm{/think}27",
    "[unused16]hm[unused17]27",
    "<|im_start|>think\nhm<|im_end|>\n<|im_start|>assistant\n27", "assistantanalysishm assistantfinal27",
    "<internal_thoughts>hm</internal_thoughts>27", "<hidden_reasoning>hm</hidden_reasoning>27", "hm</rationale>27",
    "<thinking_process>hm</thinking_process>27", "<reasoning_content>hm</reasoning_content>27",
    "<seed:cot_budget_reflect>hm</seed:cot_budget_reflect>27", "<planning>hm</planning>27", "<plan>hm</plan>\n27",
    "<|begin▁of▁thought|>hm<|end▁of▁thought|>27", "Thinking Process:\n\n1. hm\n\nFinal Output:\n27", "assistant\n27",
    "思考过程：\nhm\n\n最终答案：27", "<|start_header_id|>assistant<|end_header_id|>\n\n27", "<|content|>27",
    "<start_of_turn>model\n27<end_of_turn>", "27<|endoftext|><|im_start|>user\nAnd?", "27</s><s>[INST] And? [/INST]",
    '<details type="reasoning" done="true">\n<summary>Thought for 5 s</summary>hm</details>\n27'])
def test_thoughts_of_other_marks_are_cut_off(reply: str) -> None:
    assert strip_reasoning(reply) == "27"


@pytest.mark.parametrize("reply", [
    "<think", "<thin", "<|channel|>analysis", "<|start|>assistant<|channel|>analysis", "analysisWe need to ask",
    "<思考>hm", "<rationale>hm", "[THOUGHTS]hm", "<|thought_begin|>hm", "<think>hm</thi", "【思考】hm",
    "<think>hm<think>hm"])
def test_half_a_thought_is_no_reply(reply: str) -> None:
    assert strip_reasoning(reply) == ""


@pytest.mark.parametrize("reply", [
    "The tag <plan> opens a plan, and </plan> ends it.", "Write {think} into the template.", "assistant controllers",
    "<plan>whole</plan>", "Model\nA holds 27 ms.", "List[thought] is a type.",
    "Reasoning about load takes 27 ms.", "Use `<details>` to fold a list.", "The tag &lt;plan&gt; names a plan.",
    "Analysis: the answer is 27.", "<details><summary>Ports</summary>80</details>", "a &lt; b and c &gt; d"])
def test_what_only_looks_like_a_thought_stays(reply: str) -> None:
    assert strip_reasoning(reply) == reply


@pytest.mark.parametrize("reply", [
    '{"answer": "27",}', "{'answer': '27'}", '{{"answer": "27"}}', '"{\\"answer\\": \\"27\\"}"', "{“answer”: “27”}",
    '{"answer": "27" // sure\n}', '{answer: "27"}', 'Set {x}, then {"answer": "27"}', '```json\n{"answer": "27",}\n```',
    '~~~json\n{"answer": "27"}\n~~~', '\ufeff{"answer": "27"}', '<tool_call>{"answer": "27"}</tool_call>'])
def test_almost_json_is_read(reply: str) -> None:
    assert extract_json(reply) == {"answer": "27"}


@pytest.mark.parametrize("reply", [
    '{"Answer": "27 ms"}', '{"reasoning": "...", "response": {"answer": "27 ms"}}', '{"answer": ["27 ms"]}',
    '{"type": "object", "properties": {"answer": "27 ms"}}', '{"name": "f", "arguments": {"answer": "27 ms"}}',
    '"{\\"answer\\": \\"27 ms\\"}"', "Answer: 27 ms", "<think>hm</think>\n\n**Final answer:** 27 ms",
    'Draft: {"answer": "20 ms"}\nWait, that is wrong. Corrected:\n{"answer": "27 ms"}'])
def test_an_answer_is_found_wherever_a_model_puts_it(reply: str) -> None:
    assert parse_answer(reply)[0] == "27 ms"


def test_an_object_after_the_reply_is_no_correction_of_it() -> None:
    """Small models run on with further questions and answers."""
    assert parse_answer('{"answer": "27 ms"}\n\nQuestion: and then?\n{"answer": "20 ms"}')[0] == "27 ms"
    assert parse_answer('{"answer": "27 ms"} This is final: see {the page}')[0] == "27 ms"


@pytest.mark.parametrize("reply", [
    '{"response": {"questions": [{"Passage": "P1", "Question": "How long?"}]}}',
    '[{"Question": "How long?", "passage": 1}]'])
def test_questions_are_found_wherever_a_model_puts_them(reply: str) -> None:
    assert parse_questions(reply) == [Draft("How long?", "P1", "")]


@pytest.mark.parametrize(("reply", "found"), [
    ("{'answer': 'x, b: c // d'}", {"answer": "x, b: c // d"}),
    ('{"answer": "he said “so”",}', {"answer": "he said “so”"}),
    ('{"a": {"answer": "27"}, "b": "cut o', None), ('```json\n{"answer": "2', None), ("{'answer': '2", None),
    ("{answer}", None), ('{"answer": open("x")}', None)])
def test_a_repair_changes_no_content_and_completes_nothing(reply: str, found: Any) -> None:
    if found is None:
        with pytest.raises(UnreadableReply):
            extract_json(reply)
    else:
        assert extract_json(reply) == found


# --- errors in other forms -------------------------------------------------------------------------------

PAGE = ("<html><head><title>404 Not Found</title><style>p {}</style></head>"
        "<body><p>no route &amp; no host</p></body></html>")


@pytest.mark.parametrize(("step", "kind", "words"), [
    (send(PAGE, "text/html", 404), UnknownModel, "(404 Not Found no route & no host)"),
    (send(PAGE, "text/html", 401), InvalidKey, "(404 Not Found no route & no host)"),
    (send(json.dumps({"errors": [{"message": "no such deployment", "code": 404}]})), UnknownModel,
     "(no such deployment)"),
    (send(json.dumps({"errors": [{"message": "no such deployment"}]}), status=404), UnknownModel,
     "(no such deployment)"),
    (send(json.dumps({"message": {"role": "assistant", "content": "27"}})), UnreadableReply, "holds no choice"),
    (refuse(403, "You have insufficient credits"), QuotaExceeded, "insufficient credits")])
def test_an_error_in_another_form_is_told_by_its_text(step: Any, kind: type[TeacherError], words: str) -> None:
    with FakeOpenAI() as fake:
        fake.script.append(step)
        with pytest.raises(kind) as raised:
            OpenAIChat("gpt-4o-mini", fake.url, "sk-test-123", 5.0).complete(REQUEST)
    assert words in str(raised.value) and "<" not in str(raised.value)


def test_a_choice_in_the_older_form_is_read() -> None:
    with FakeOpenAI() as fake:
        fake.script.append(send(json.dumps({"choices": [{"text": "27", "finish_reason": "stop"}]})))
        assert OpenAIChat("gpt-4o-mini", fake.url, "sk-test-123", 5.0).complete(REQUEST).text == "27"


@pytest.mark.parametrize(("message", "seconds"), [
    ("Rate limit reached. Please try again in 7m12s.", 432.0), ("try again in 20s", 20.0),
    ("retry after 30 seconds", 30.0),
    ("Please try again in 1.5s. Visit us.", 1.5), ("Please wait 2 minutes", 120.0), ("try again later", None),
    ("try again in 250ms", 0.25), ("slow down", None)])
def test_a_wait_that_only_the_message_states_is_kept(message: str, seconds: float | None) -> None:
    assert retry_after_seconds({}, message=message) == seconds
    assert retry_after_seconds({"retry-after": "3"}, message=message) == 3.0


@pytest.mark.parametrize(("address", "words"), [
    ("http://h/v1#part", "after '#'"), ("http://h:99999/v1", "is no address"), ("http://h:x/v1", "is no address"),
    ("http://[::1/v1", "is no address"), ("http://h/v1?code=abc", "holds a password or key"),
    ("http://h/api/chat", "use 'http://h/v1'"), ("http://h/v1/chat", "use 'http://h/v1'"),
    ("http://h/v1/responses/?a=1", "use 'http://h/v1?a=1'"), ("http://h/v1/batches", "use 'http://h/v1'"),
    ("http://h/api/tags", "use 'http://h/v1'"), ("http://h/v1/models/x:generateContent", "another interface"),
    ("http://http://h/v1", "is no address"), ("http://<host>/v1", "is no address"),
    ("http://h/v1/{model}", "is no address"),
    ("http://h\\v1", "is no address"), ("http://h/v1,", "is no address"), ("http://h:0/v1", "is no address"),
    ("http://h/v1?auth=a", "holds a password or key"), ("http://h/v1;key=a", "holds a password or key"),
    ("http://h/v1?sk-abcdef123456", "holds a password or key"),
    ("http://h/V1/CHAT/Completions/?a=1", "use 'http://h/V1?a=1'"), ("http://h/v1/messages", "use 'http://h/v1'")])
def test_an_address_that_cannot_be_one_is_refused_with_the_right_one(address: str, words: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        preset("embedded", teacher="m", teacher_base_url=address)
    assert words in str(refused.value)


@pytest.mark.parametrize("address", [
    "http://[::1]:8000/v1", "HTTP://h/v1/", "https://x.openai.azure.com/openai/deployments/m?api-version=2024-06-01",
    "http://h/api/v1", "https://h/compatible-mode/v1", "http://h", "http://h/v1?a=%20b"])
def test_an_unusual_address_that_may_be_one_is_accepted(address: str) -> None:
    assert address_errors("teacher_base_url", address) == []


@pytest.mark.parametrize("key", [
    "sk-abc\ndef", "sk-abc\r\ndef", "Bearer sk-abc", "OPENAI_API_KEY=sk-abc", "sk-abc\\n", "$OPENAI_API_KEY",
    "'sk-abc'",
    "sk-abc\u200b", "\ufeffsk-abc", "<your key>"])
def test_a_key_that_was_copied_badly_is_refused_in_one_sentence(key: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidKey) as refused:
        key_for("http://h/v1", {"OPENAI_API_KEY": key}, tmp_path / ".env")
    assert "copy the key again" in str(refused.value) and "abc" not in str(refused.value)
