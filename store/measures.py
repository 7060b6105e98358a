"""The metrics, as a table: what each is called, which way is better, what it says and what it cannot see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One metric. `better` is +1 where more is better and -1 where less is."""

    name: str
    title: str
    unit: str
    better: int
    tie_band: float
    """Differences up to this size count as ties."""
    says: str
    blind_to: str


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("choice_accuracy", "Choice accuracy", "share right", +1, 0.0,
                "Whether the student finds the true reference likelier than each of three false ones "
                "(two from the same topic, one altered copy). Chance is 0.25.",
                "What the student writes of its own accord: it only weighs texts that are put before it."),
        Measure("reference_nll", "Reference surprise", "nats per token", -1, 0.0,
                "How surprised the student is by the true reference: mean negative log-likelihood per token. "
                "The least noisy sign that something was learned.",
                "Whether facts or only the style of the references were learned: both lower it."),
        Measure("answer_similarity", "Answer similarity", "0 to 1", +1, 0.01,
                "Closeness in meaning of the student's answer and the reference: cosine of sentence embeddings, "
                "clipped to 0-1 (RAGAS semantic similarity; the mission's answer relevancy).",
                "Correctness: a reference with every statement negated still scores about 0.98."),
        Measure("fact_recall", "Fact recall", "share of key terms", +1, 0.0,
                "Share of the passage's key terms that the answer contains, not negated.",
                "Whether the terms are put together into a true statement."),
    )
}

TIERS: dict[str, str] = {
    "held-out": "Held-out: other passages of the topics that were trained; never seen in training. The headline.",
    "paraphrase": "Paraphrase: practised facts, asked in words that were not trained on.",
    "new-topic": "New topic: topics that were never trained; shows what carries over to other fields.",
    "general": "General: everyday questions of the project's own, about no domain and never trained on; a loss here is "
               "forgetting.",
    "practice": "Practice: the very questions that were trained on. High here and low on held-out is memorisation.",
}
