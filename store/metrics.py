"""The metrics, as a table: what each is called, which way is better, what it says and what it cannot see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One metric. `better` is +1 where more is better and -1 where less is."""

    name: str
    title: str
    unit: str
    better: int
    tie_band: float
    """Differences up to this size count as ties."""
    description: str
    limitation: str


METRICS: dict[str, Metric] = {
    measure.name: measure
    for measure in (
        Metric("choice_accuracy", "Choice accuracy", "share right", +1, 0.0,
               "Whether the student finds the true reference likelier than each of three false ones "
               "(two from the same topic, one altered copy). Chance is 0.25.",
               "What the student writes of its own accord: it only weighs texts that are put before it."),
        Metric("reference_nll", "Reference surprise", "nats per token", -1, 0.0,
               "How surprised the student is by the true reference: mean negative log-likelihood per token. "
               "The least noisy sign that something was learned.",
               "Whether facts or only the style of the references were learned: both lower it."),
        Metric("answer_similarity", "Answer similarity", "0 to 1", +1, 0.01,
               "Closeness in meaning of the student's answer and the reference: cosine of sentence embeddings, "
               "clipped to 0-1 (RAGAS semantic similarity; the mission's answer relevancy).",
               "Correctness: a reference with every statement negated still scores about 0.98. Whatever comes after "
               "the first 256 word pieces."),
        Metric("fact_recall", "Fact recall", "share of key terms", +1, 0.0,
               "Share of the passage's key terms that the answer contains, not negated.",
               "Whether the terms are put together into a true statement; the same fact in other terms."),
        Metric("rouge_l", "ROUGE-L", "0 to 1", +1, 0.01,
               "How much of the reference's wording the answer has, in the same order: longest common subsequence "
               "of word stems, F measure (RAGAS).",
               "Meaning: one word turns a sentence round and hardly moves it; a fact in other words scores low."),
        Metric("chrf", "chrF", "0 to 1", +1, 0.01,
               "How many runs of 1 to 6 characters answer and reference share, recall counting twice (RAGAS, "
               "sacrebleu). Kinder to word forms and names than ROUGE-L.",
               "Meaning, as ROUGE-L; and any two texts of one language share some characters, so its zero is not 0."),
        Metric("factual_correctness", "Factual correctness", "0 to 1", +1, 0.01,
               "A judge model takes answer and reference apart into claims and checks each against the other text: F1 "
               "of the claims that hold (RAGAS).",
               "What the judge gets wrong, which the audit beside the verdict measures; truths that the reference "
               "leaves out count as errors."),
        Metric("faithfulness", "Faithfulness", "0 to 1", +1, 0.01,
               "Share of the answer's statements that a judge model finds supported by the passage behind the "
               "question (RAGAS).",
               "Whether the question was answered at all: one true sentence on something else is faithful too."),
        Metric("answer_relevancy", "Answer relevancy (RAGAS)", "0 to 1", +1, 0.01,
               "A judge model writes the questions that the answer would answer; their mean similarity to the real "
               "question, 0 where the answer commits to nothing. Not the mission's answer relevancy, which is answer "
               "similarity.",
               "Correctness altogether: it never sees the reference, and a false answer to the right question scores "
               "as high as a true one."),
    )
}

JUDGE_METRICS = ("factual_correctness", "faithfulness", "answer_relevancy")
"""What only a judge model can give."""
ANSWER_METRICS = ("answer_similarity", "fact_recall", "rouge_l", "chrf")
"""What is computed from answer, reference and key terms, with no model asked; all of an answer's text counts."""
LIKELIHOOD_METRICS = ("choice_accuracy", "reference_nll")
"""What only the student itself can give: no stored answer is enough."""

TIERS: dict[str, str] = {
    "held-out": "Held-out: other passages of the topics that were trained; never seen in training. The headline.",
    "paraphrase": "Paraphrase: practised facts, asked in words that were not trained on.",
    "new-topic": "New topic: topics that were never trained; shows what carries over to other fields.",
    "general": "General: everyday questions of the project's own, about no domain and never trained on; a loss here is "
               "forgetting.",
    "practice": "Practice: the very questions that were trained on. High here and low on held-out is memorisation.",
}
