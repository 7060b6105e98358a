"""A domain as JSON text, so that a run can keep a copy of what it teaches."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

from knowledge.domain import Domain, domain_of, passage_from_values
from knowledge.given_questions import GivenQuestion, QuestionFile


def to_json(domain: Domain) -> str:
    """The domain with all its passages, as one JSON object with a checksum."""
    content = {"name": domain.name, "hash": domain.hash, "topic_names": dict(domain.given_names),
               "follows_from": domain.follows_from, "excluded": sorted(domain.excluded),
               "passages": [asdict(passage) for passage in domain.passages]}
    if domain.given:
        content |= {name: [asdict(one) for one in getattr(domain, name)] for name in ("given", "given_in")}
    return json.dumps({"sha256": _checksum(content), "domain": content}, ensure_ascii=False)


def from_json(text: str) -> Domain:
    """The domain that `to_json` wrote.

    Raises:
        ValueError: the text is no such domain, or was altered.
    """
    try:
        found = json.loads(text)
        content, checksum = found["domain"], found["sha256"]
        domain = replace(domain_of(content["name"], map(passage_from_values, content["passages"]),
                                   content["topic_names"]), follows_from=content["follows_from"],
                         excluded=frozenset(content.get("excluded", ())))
        if "given" in content:
            domain = replace(domain, hash=content["hash"],
                             given=tuple(GivenQuestion(**one) for one in content["given"]),
                             given_in=tuple(QuestionFile(**one) for one in content["given_in"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no domain: {error}") from error
    if _checksum(content) != checksum:
        raise ValueError("the text was altered after it was written")
    return domain


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
