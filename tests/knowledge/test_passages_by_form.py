"""The passages most like another one are found in the order that sorting all would give."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from knowledge.passages import Passage
from knowledge.passages_by_form import PassagesByForm
from tests.knowledge.made_up import make_passage

_TYPES = ("string", "list of integers", "ObjectMeta")


def _field(kind: str) -> str:
    return f"In a Pod, spec ({kind}, required) "


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(("notes", "api")), st.sampled_from(("", *_TYPES)),
                          st.integers(1, 60)), min_size=1, max_size=40), st.integers(1, 120))
def test_topic_source_shape_and_length_count_in_this_order(
        drawn: list[tuple[str, str, str, int]], length: int) -> None:
    passages = [replace(make_passage(topic, "amber", (_field(kind) if kind else "") + "x" * size, source=source),
                        id=str(number)) for number, (topic, source, kind, size) in enumerate(drawn)]
    kinds = {passage.id: "list" if kind.startswith("list") else "object" if kind[:1].isupper() else
             kind or passage.source for passage, (_, _, kind, _) in zip(passages, drawn, strict=True)}
    target = passages[0]

    def unlikeness(other: Passage) -> tuple[bool, bool, bool, int]:
        return (other.topic != target.topic, other.source != target.source, kinds[other.id] != kinds[target.id],
                abs(len(other.text) - length))

    found = list(PassagesByForm(passages).nearest(target, length))
    assert [one.id for one in found] == [one.id for one in sorted(passages, key=unlikeness)]
