"""What the student knows of each cycle's facts, and its chart."""

from __future__ import annotations

from dashboard.figures.taught_facts import taught_facts
from dashboard.view_models.taught_facts import KnowledgeOfCycle, knowledge_by_cycle
from store.queries import AnswerPair


def pair(cycle: int, tier: str, passage: str, before: float | None, after: float | None) -> AnswerPair:
    return AnswerPair(f"{tier} {passage}", cycle, tier, "pods", "?", "text", "title", "", "", None, None, (), None,
                      None, None, None, {"fact_recall": (before, after)}, passage_id=passage)


PAIRS = [
    pair(1, "practice", "a", 0.0, 1.0), pair(2, "practice", "b", 0.0, 1.0),
    pair(1, "paraphrase", "a", 0.1, 0.6), pair(1, "paraphrase", "b", 0.3, 0.2),
    pair(2, "paraphrase", "a", 0.1, 0.5), pair(2, "paraphrase", "b", 0.3, None),
    pair(1, "held-out", "c", 0.9, 0.9), pair(2, "paraphrase", "never taught", 0.5, 0.5),
]


def test_each_cycles_facts_are_followed_from_the_untrained_student_on() -> None:
    assert knowledge_by_cycle(PAIRS, "fact_recall") == [
        KnowledgeOfCycle(1, 1, ((0, 0.1), (1, 0.6), (2, 0.5))), KnowledgeOfCycle(2, 1, ((0, 0.3), (1, 0.2)))]
    assert knowledge_by_cycle([], "fact_recall") == []


def test_a_marker_is_open_before_its_facts_were_taught() -> None:
    figure = taught_facts(knowledge_by_cycle(PAIRS, "fact_recall"), "fact_recall")
    assert [list(trace.marker.symbol) for trace in figure.data] == [
        ["circle-open", "circle", "circle"], ["circle-open", "circle-open"]]
    assert figure.data[0].name == "taught in cycle 1 (1 fact)"
