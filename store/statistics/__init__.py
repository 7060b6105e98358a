"""Statistics of paired scores: change, confidence interval, tests, effect size, power, verdict. Pure functions.

A file per subject; everything is importable from here. Uses numpy and scipy only; no store, no files, no clock.
"""

from __future__ import annotations

from store.statistics.agreement import Agreement, agreement
from store.statistics.cluster_bootstrap import cluster_bootstrap
from store.statistics.clustered_interval import CONFIDENCE, MIN_PAIRS, Mean, clustered_interval, mean_of
from store.statistics.crossed_effects import (
    MIN_SEEDS, ChangeOverSeeds, change_over_seeds, difference_between_groups,
)
from store.statistics.effect_size import Effect, effect_size
from store.statistics.gap_closed import GapClosed, gap_closed
from store.statistics.hypothesis_tests import sign_test, wilcoxon_test
from store.statistics.multiple_comparisons import CycleFindings, Finding, holm, holm_adjusted_verdicts, over_cycles
from store.statistics.paired_change import PairedChange, paired_change
from store.statistics.power import PastVariance, Power, default_sd, minimum_detectable_effect, power, power_before
from store.statistics.verdict import title_in_sentence, verdict_of, verdict_sentence, within_margin
from store.statistics.welch import Distance, welch_difference

__all__ = [
    "Agreement", "CONFIDENCE", "ChangeOverSeeds", "Distance", "MIN_SEEDS", "change_over_seeds",
    "difference_between_groups", "Effect", "MIN_PAIRS", "GapClosed", "Mean", "CycleFindings", "PairedChange",
    "PastVariance", "Power", "Finding", "agreement", "power", "cluster_bootstrap", "clustered_interval",
    "welch_difference", "effect_size", "gap_closed", "holm", "mean_of", "over_cycles", "holm_adjusted_verdicts",
    "paired_change",
    "power_before", "sign_test", "minimum_detectable_effect", "default_sd", "title_in_sentence", "verdict_of",
    "verdict_sentence", "wilcoxon_test", "within_margin",
]
