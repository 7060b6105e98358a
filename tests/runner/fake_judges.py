"""Words that a judge model would say: a competent one that compares texts, and broken ones. For `FakeOpenAI(words=)`.

The prompts are RAGAS's own; what is to be judged stands behind "Now perform the same", as JSON.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

_INPUT = re.compile(r"Now perform the same with the following input\s*input:\s*(\{.*\})\s*Output:", re.S)


def input_of(body: dict[str, Any]) -> dict[str, Any]:
    """What RAGAS put before the judge."""
    found = _INPUT.search(str(body["messages"][1]["content"]))
    assert found, body["messages"][1]["content"][-400:]
    return dict(json.loads(found[1]))


def competent(body: dict[str, Any]) -> str:
    """Takes texts apart at full stops; a statement holds where the other text says just that."""
    given = input_of(body)
    if "statements" in given:
        said = _plain(given["context"])
        return json.dumps({"statements": [_verdict(one, _plain(one) in said) for one in given["statements"]]})
    text = given.get("response") or given.get("answer") or ""
    if "question" in given:
        return json.dumps({"statements": sentences(text)})
    if "atomicity" in given:
        return json.dumps({"claims": sentences(text)})
    unknowing = "do not know" in text
    return json.dumps({"question": "What is it?" if unknowing else f"What is known of this: {text}?",
                       "noncommittal": int(unknowing)})


def always(holds: Callable[[str, str], bool]) -> Callable[[dict[str, Any]], str]:
    """A judge that decides on each (statement, context) by a rule of its own."""
    def words(body: dict[str, Any]) -> str:
        given = input_of(body)
        if "statements" not in given:
            return competent(body)
        return json.dumps({"statements": [_verdict(one, holds(one, given["context"])) for one in given["statements"]]})
    return words


def constant(body: dict[str, Any]) -> str:
    """Finds everything right, whatever it is."""
    return always(lambda statement, context: True)(body)


def perverse(body: dict[str, Any]) -> str:
    """Finds right what is wrong, and the other way round."""
    return always(lambda statement, context: _plain(statement) not in _plain(context))(body)


def fickle() -> Callable[[dict[str, Any]], str]:
    """Says now this, now that."""
    chance = random.Random(1)
    return always(lambda statement, context: chance.random() < 0.5)


def sentences(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=[.?!])\s+|(?<=[。？！])\s*", text) if part.strip()]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _verdict(statement: str, holds: bool) -> dict[str, Any]:
    return {"statement": statement, "reason": "by its words", "verdict": int(holds)}
