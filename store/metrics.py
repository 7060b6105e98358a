"""Define the metrics and tiers: title, unit, direction, tie band, description and limitation of each metric."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One metric. `better` is +1 if a higher value is better and -1 if a lower one is."""

    name: str
    title: str
    unit: str
    better: int
    tie_band: float
    """Differences up to this size count as ties."""
    margin: float
    """The smallest mean change that matters, in the metric's unit: an interval within it shows no relevant change."""
    description: str
    limitation: str


MARGIN = 0.05
"""Of accuracies and other shares."""
NATS = "nats per token"
"""The unit of log-likelihoods."""
MARGIN_NATS = 0.1
"""Of log-likelihoods, in nats per token: the reference becomes 10% more or less likely per token."""

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("choice_accuracy", "Multiple-choice accuracy", "accuracy", +1, 0.0, MARGIN,
               "Whether the student assigns the reference a higher likelihood than each of three distractors "
               "(two from the same topic, one altered copy). Chance is 0.25.",
               "What the student writes by itself: it only scores given texts."),
        Metric("binding", "Binding", NATS, +1, 0.0, MARGIN_NATS,
               "By how much likelier the reference is after its own question than after three other questions of its "
               "topic. Style, length and the domain's wording raise both alike and cancel out: shuffled references "
               "(placebo) give 0. Only on the headline test.",
               "What the student writes by itself; and a passage learnt by heart is likely whatever is asked, which "
               "lowers it."),
        Metric("reference_nll", "Reference NLL", NATS, -1, 0.0, MARGIN_NATS,
               "Loss of the student on the reference: mean negative log-likelihood per token. "
               "The least noisy sign that something was learned.",
               "Whether facts or only the style of the references were learned: both lower it."),
        Metric("answer_similarity", "Answer similarity", "0 to 1", +1, 0.01, MARGIN,
               "Similarity in meaning of the student's answer and the reference: cosine of sentence embeddings, "
               "clipped to 0-1 (RAGAS semantic similarity).",
               "Correctness: a reference with every statement negated still scores about 0.98. Text after the first "
               "256 word pieces is ignored."),
        Metric("fact_recall", "Fact recall", "share of key terms", +1, 0.0, MARGIN,
               "Share of the passage's key terms that the answer contains, not negated.",
               "Whether the terms form a true statement; the same fact in other terms."),
        Metric("rouge_l", "ROUGE-L", "0 to 1", +1, 0.01, MARGIN,
               "How much of the reference's wording the answer has, in the same order: longest common subsequence "
               "of word stems, F measure (RAGAS).",
               "Meaning: a negation hardly changes the score, and a paraphrased fact scores low."),
        Metric("chrf", "chrF", "0 to 1", +1, 0.01, MARGIN,
               "Overlap of character n-grams (1 to 6) of answer and reference, recall weighted twice (RAGAS, "
               "sacrebleu). More tolerant of inflections and names than ROUGE-L.",
               "Meaning, as ROUGE-L; any two texts of one language share n-grams, so unrelated texts score above 0."),
        Metric("factual_correctness", "Factual correctness", "0 to 1", +1, 0.01, MARGIN,
               "A judge model splits answer and reference into claims and checks each against the other text: F1 "
               "of the supported claims (RAGAS).",
               "The judge's errors, which its audit measures; true claims that the reference does not contain count "
               "as errors."),
        Metric("faithfulness", "Faithfulness", "0 to 1", +1, 0.01, MARGIN,
               "Share of the answer's statements that a judge model finds supported by the passage behind the "
               "question (RAGAS).",
               "Whether the question was answered: a true sentence about something else is faithful too."),
        Metric("answer_relevancy", "Answer relevancy (RAGAS)", "0 to 1", +1, 0.01, MARGIN,
               "A judge model generates questions that the answer would answer; their mean similarity to the actual "
               "question, 0 if the answer is noncommittal. Not to be confused with answer similarity.",
               "Correctness: it does not use the reference, and a false answer to the question scores as high as "
               "a true one."),
        Metric("choice_pmi", "Multiple choice, corrected for the prior", "accuracy", +1, 0.0, MARGIN,
               "Multiple-choice accuracy where each text counts by how much the question raises its likelihood "
               "(pointwise mutual information), not by how likely it is at all. Chance is 0.25. Only on the headline "
               "test.",
               "As multiple-choice accuracy; noisier, because two likelihoods are subtracted."),
        Metric("choice_prior", "Multiple choice without the question", "accuracy", +1, 0.0, MARGIN,
               "How often the reference is the likeliest of the four texts although no question is asked. What lies "
               "above chance (0.25) needs no knowledge of the answer. Only on the headline test.",
               "It is no score of the student but a baseline: multiple-choice accuracy means what it exceeds this by."),
        Metric("choice_unaltered", "Multiple choice without the altered copy", "accuracy", +1, 0.0, MARGIN,
               "Multiple-choice accuracy against the two distractors of the same topic alone. Chance is 0.33.",
               "Whether the student notices a changed fact in the right text: that distractor is left out."),
    )
}

JUDGE_METRICS = ("factual_correctness", "faithfulness", "answer_relevancy")
"""Metrics that need a judge model."""
ANSWER_METRICS = ("answer_similarity", "fact_recall", "rouge_l", "chrf")
"""Metrics computed from answer, reference and key terms, without a judge model."""
LIKELIHOOD_METRICS = ("choice_accuracy", "reference_nll")
"""Metrics computed from the student's likelihoods on every tier; they cannot be computed from stored answers."""
HEADLINE_TEST_METRICS = ("binding", "choice_pmi", "choice_prior")
"""Metrics computed from the student's likelihoods on the headline test alone, because they need more of them."""
FROM_LIKELIHOOD = (*LIKELIHOOD_METRICS, *HEADLINE_TEST_METRICS, "choice_unaltered")
"""All metrics computed from the student's likelihoods."""

TIERS: dict[str, str] = {
    "held-out": "Held-out: other passages of the trained topics, never used in training. What was never shown cannot "
                "be known: the control.",
    "paraphrase": "Taught facts: facts from training, asked in wordings that were never trained. What is known now.",
    "dev": "Development: questions like those that decide the verdict, on which the run chose its cycle. The best "
           "of several looks better here than it is.",
    "new-topic": "New topic: topics that were not trained; shows transfer to other topics.",
    "general": "General: the project's own general-knowledge questions, outside the domain and never trained on; a "
               "loss here is forgetting.",
    "practice": "Practice: the training questions themselves. High here and low on held-out is memorisation.",
}
