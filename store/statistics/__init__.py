"""What numbers allow to be said: paired change, interval, tests, effect, power, verdict. Pure: numbers in, numbers out.

A file a subject; everything is importable from here. numpy and scipy only; no store, no files, no clock.
"""

from __future__ import annotations

from store.statistics.agreement import Agreement, agreement
from store.statistics.bootstrap import cluster_bootstrap
from store.statistics.corrections import OverCycles, Finding, holm, over_cycles, over_many
from store.statistics.distance import Distance, distance
from store.statistics.effect import Effect, effect_size
from store.statistics.gap import GapClosed, gap_closed
from store.statistics.interval import CONFIDENCE, FEWEST_PAIRS, Mean, clustered_interval, mean_of
from store.statistics.paired import PairedChange, paired_change
from store.statistics.power import PastSpread, Power, chance_to_see, power_before, smallest_visible_change, usual_spread
from store.statistics.significance import sign_test, wilcoxon_test
from store.statistics.verdict import verdict_of, verdict_sentence

__all__ = [
    "Agreement", "CONFIDENCE", "Distance", "Effect", "FEWEST_PAIRS", "GapClosed", "Mean", "OverCycles", "PairedChange",
    "PastSpread", "Power", "Finding", "agreement", "chance_to_see", "cluster_bootstrap", "clustered_interval",
    "distance", "effect_size", "gap_closed", "holm", "mean_of", "over_cycles", "over_many", "paired_change",
    "power_before", "sign_test", "smallest_visible_change", "usual_spread", "verdict_of", "verdict_sentence",
    "wilcoxon_test",
]
