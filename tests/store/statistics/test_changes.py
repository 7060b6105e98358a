"""What the rows of a run say together: memorisation, all cycles at once, and the power of the next run."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from store.analysis.findings import cycles_corrected, memorisation
from store.queries import ChangeRow
from store.statistics import paired_change, verdict_of


def row(cycle: int = 1, tier: str = "held-out", gain: float = 0.0, pairs: int = 20, better: int = 1,
        **changes: Any) -> ChangeRow:
    before = [0.3 + 0.01 * (n % 7) for n in range(pairs)]
    after = [b + gain + 0.05 * math.sin(n * n) for n, b in enumerate(before)]
    found = paired_change(before, after, range(pairs), better)
    made = ChangeRow(run="r", cycle=cycle, tier=tier, metric="answer_similarity", topic="",
                     verdict=verdict_of(found, better), **dataclasses.asdict(found))
    return dataclasses.replace(made, **changes)


def test_memorisation_is_practice_minus_held_out_with_an_interval_around_it() -> None:
    (found,) = memorisation([row(gain=0.1), row(tier="practice", gain=0.4, pairs=12)], "held-out")
    assert found.low is not None and found.high is not None
    assert found.low < 0.3 < found.high and abs(found.distance - 0.3) < 0.05 and found.high - found.low < 0.15


def test_memorisation_of_a_comparison_without_errors_has_no_interval() -> None:
    (found,) = memorisation([row(gain=0.1, spread=None), row(tier="practice", gain=0.4)], "held-out")
    assert found.low is None and found.high is None and found.distance > 0.2


def test_where_less_is_better_memorisation_is_still_what_practice_gained_more() -> None:
    (found,) = memorisation([row(gain=-0.1, better=-1, metric="reference_nll"),
                             row(tier="practice", gain=-0.4, better=-1, metric="reference_nll")], "held-out")
    assert found.distance > 0.25 and found.low is not None and found.low > 0


def test_cycles_are_judged_together_and_topics_do_not_count_among_them() -> None:
    rows = [row(1), row(2, gain=0.2), row(3), row(3, topic="pods", gain=0.9)]
    found = cycles_corrected(rows, "answer_similarity", "held-out")
    assert found is not None and found.improved == (2,) and set(found.adjusted_p) == {1, 2, 3}
    assert cycles_corrected(rows[:1], "answer_similarity", "held-out") is None
