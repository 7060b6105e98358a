"""What a chat teacher and a judge model would say about documents in another language. For `FakeOpenAI(words=)`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from knowledge.documents.sentence_splitter import sentences
from tests.runner import fake_judges

# Language -> a first question on a sentence, and two that ask for the same fact in other words.
QUESTIONS = {
    "de": ("Was gilt in diesem Fall: {begin}?",
           "Welche Regel kennt ein Fachmann zu {title}, sobald es heißt „{begin}“?",
           "Warum lohnt es sich, bei {title} an „{begin}“ zu denken?"),
    "ja": ("「{begin}」について、何が決まっているか。", "{title}で「{begin}」というとき、どのような注意が必要ですか?",
           "熟練した人は{title}の「{begin}」について何と答えますか?"),
    "en": ("What is known about {begin}?", "Which rule does an expert give on {title} as soon as {begin}?",
           "Why should somebody who works with {title} think of {begin}?"),
}


def speaking(language: str) -> Callable[[dict[str, Any]], str]:
    """A teacher that asks about each sentence of a passage in turn and answers with it, and a competent judge."""
    def words(body: dict[str, Any]) -> str:
        prompt = str(body["messages"][-1]["content"])
        if "Now perform the same" in prompt:
            return fake_judges.competent(body)
        blocks = re.findall(r"^\[(P\d+)\] (.*)\n(.*)$", prompt, re.M)
        if blocks:
            turn = sum(mark in prompt for mark in ("other words:", "Already asked:", "do better:"))
            return json.dumps({"questions": [_question(language, block, turn) for block in blocks]})
        passage = re.search(r"Passage \(.*?\):\n(.*)\n\nQuestion: (.*)", prompt)
        if not passage:
            return json.dumps({"answer": ""})
        said = next((one for one in sentences(passage[1]) if beginning(one) in passage[2]), "")
        return json.dumps({"answer": said, "evidence": said})
    return words


def _question(language: str, block: tuple[str, str, str], turn: int) -> dict[str, str]:
    label, title, text = block
    found = sentences(text)
    sentence = found[turn // len(QUESTIONS[language]) % len(found)]
    asked = QUESTIONS[language][turn % len(QUESTIONS[language])]
    return {"passage": label, "evidence": sentence,
            "question": asked.format(begin=beginning(sentence), title=title.rpartition(" > ")[2])}


def beginning(sentence: str) -> str:
    """The first words of a sentence, or its first characters where words have no blanks between them."""
    words = sentence.split()
    return " ".join(words[:6]).rstrip(".,;:") if len(words) > 3 else sentence[:14]
