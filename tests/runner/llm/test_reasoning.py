"""Reasoning is removed from replies, whatever marks enclose it."""

from __future__ import annotations

import json

import pytest

from runner.llm.errors import UnreadableReply
from runner.llm.json_extraction import extract_json
from runner.llm.reasoning import strip_reasoning
from runner.teacher.reply_parsing import parse_answer, parse_questions

DRAFT, FINAL = '{"answer": "20 ms"}', '{"answer": "27 ms"}'
MARKS = [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<THINK>", "</THINK>"), ("<thought>", "</thought>"),
         ("<reasoning>", "</reasoning>"), ("<reasoning effort='high'>", "</reasoning>"), ("[THINK]", "[/THINK]"),
         ("<seed:think>", "</seed:think>"), ("<|begin_of_thought|>", "<|end_of_thought|>"), ("◁think▷", "◁/think▷"),
         ("<|START_THINKING|>", "<|END_THINKING|>"), ("<|channel>thought\n", "<channel|>"),
         ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>")]


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_the_answer_after_the_reasoning_wins_over_a_draft_in_it(opening: str, closing: str) -> None:
    for text in (f"{opening}First: {DRAFT} hmm.\n{closing}\n{FINAL}", f"First: {DRAFT} hmm.\n{closing}\n{FINAL}"):
        assert extract_json(text) == {"answer": "27 ms"}
        assert parse_answer(text) == ("27 ms", "")
        assert strip_reasoning(text) == FINAL
    plain = f"Okay, the user asks about this.\n{closing}\n\nThe valve opens within 27 ms."
    assert parse_answer(plain)[0] == "The valve opens within 27 ms."


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_reasoning_that_never_closes_is_no_answer(opening: str, closing: str) -> None:
    for text in (f"{opening}First: {DRAFT} hmm", f"  \n{opening}I should name the fact."):
        with pytest.raises(UnreadableReply, match="reasoning"):
            parse_answer(text)
        with pytest.raises(UnreadableReply, match="reasoning"):
            extract_json(text)


def test_questions_after_the_reasoning_win_over_drafts_in_it() -> None:
    draft = json.dumps({"questions": [{"question": "A draft?"}]})
    final = json.dumps({"questions": [{"question": "The question?"}]})
    drafts = parse_questions(f"Maybe {draft}. No.</thinking>```json\n{final}\n```")
    assert [found.text for found in drafts] == ["The question?"]


@pytest.mark.parametrize(("text", "left"), [
    ("analysisThe user asks. 20 ms? No.assistantfinal27 ms", "27 ms"),
    ("<think>a</think>20 ms<think>no</think>27 ms", "27 ms"), ("27 ms<think>right</think>", "27 ms"),
    ("<think>a <think>b</think> 20 ms</think>27 ms<|im_end|>", "27 ms"),
    ("<think></think><answer>27 ms</answer>", "27 ms"), ("<think>20 ms</think>", ""),
    ("Here is my thought process: 20 ms? Here is my response: 27 ms", "27 ms"),
    ('{"answer": "Write </think> after the thought"}', '{"answer": "Write </think> after the thought"}'),
    ("Run kubectl annotate pod <reason> to say why.", "Run kubectl annotate pod <reason> to say why."),
    ("Analysis of the log takes 27 ms.", "Analysis of the log takes 27 ms."),
])
def test_what_is_left_of_a_reply(text: str, left: str) -> None:
    assert strip_reasoning(text) == left
