"""Statistics of paired scores: change, confidence interval, tests, effect size, power, verdict. Pure functions.

A file per subject; everything is importable from here. Uses numpy and scipy only; no store, no files, no clock.
scipy is imported as a whole: it loads `scipy.special` at the first use, which takes 0.35 s.
"""

from __future__ import annotations

from store.statistics.agreement import Agreement, agreement, wilson_interval
from store.statistics.cluster_bootstrap import cluster_bootstrap
from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS, Mean, clustered_interval, mean_of
from store.statistics.effect_size import Effect, effect_size
from store.statistics.equivalence import min_pairs_within, within_margin
from store.statistics.gain_shares import (
    KNOWLEDGE, MEMORY, PARTS, WORDING, FactScores, GainPart, by_fact, gain_shares,
)
from store.statistics.gap_closed import GapClosed, gap_closed
from store.statistics.hypothesis_tests import sign_test, wilcoxon_test
from store.statistics.kappa import Kappa, cohens_kappa
from store.statistics.minimum_detectable_effect import minimum_detectable_effect, pairs_to_decide
from store.statistics.multiple_comparisons import CycleFindings, Finding, holm, holm_adjusted_verdicts, over_cycles
from store.statistics.non_inferiority import FALLS_SHORT, REPLACES, NonInferiority, non_inferiority
from store.statistics.paired_change import PairedChange, paired_change
from store.statistics.power import PastVariance, Power, default_sd, power, power_before
from store.statistics.prediction_powered import MIN_RATED, PredictionPowered, prediction_powered_mean
from store.statistics.seed_variance import (
    MIN_SEEDS, ChangeOverSeeds, change_over_seeds, difference_between_groups,
)
from store.statistics.size_forecast import (
    FORECAST_CONFIDENCE, MIN_PILOTS, CannotForecast, Pilot, SizeForecast, forecast_at_size,
)
from store.statistics.verdict import (
    IMPROVED, INCONCLUSIVE, LOSSES, NO_EVIDENCE, NO_RELEVANT_CHANGE, NOT_MEASURED, REGRESSED, TESTED, TOO_FEW,
    WORSE, interval_words, is_unmoved, title_in_sentence, verdict_of, verdict_sentence,
)
from store.statistics.welch import Distance, welch_difference

__all__ = [
    "Agreement", "CONFIDENCE", "CannotForecast", "ChangeOverSeeds", "CycleFindings", "Distance", "Effect",
    "FALLS_SHORT", "FORECAST_CONFIDENCE", "FactScores", "Finding", "GainPart", "GapClosed", "IMPROVED", "INCONCLUSIVE",
    "KNOWLEDGE", "Kappa", "LOSSES", "MEMORY", "MIN_PAIRS", "MIN_PILOTS", "MIN_RATED", "MIN_SEEDS", "Mean",
    "NOT_MEASURED", "NO_EVIDENCE", "NO_RELEVANT_CHANGE", "NonInferiority", "PARTS", "PairedChange", "PastVariance",
    "Pilot", "Power", "PredictionPowered", "REGRESSED", "REPLACES", "SizeForecast", "TESTED", "TOO_FEW", "WORDING",
    "WORSE", "agreement", "by_fact", "change_over_seeds", "cluster_bootstrap", "clustered_interval", "cohens_kappa",
    "default_sd", "difference_between_groups", "effect_size", "forecast_at_size", "gain_shares", "gap_closed", "holm",
    "holm_adjusted_verdicts", "interval_words", "is_unmoved", "mean_of", "min_pairs_within",
    "minimum_detectable_effect", "non_inferiority", "over_cycles", "paired_change", "pairs_to_decide", "power",
    "power_before", "prediction_powered_mean", "sign_test",
    "title_in_sentence", "verdict_of", "verdict_sentence", "welch_difference", "wilcoxon_test", "wilson_interval",
    "within_margin",
]
