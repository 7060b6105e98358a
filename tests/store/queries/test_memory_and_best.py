"""What the record says of memory and of the best adapter."""

from __future__ import annotations

from pathlib import Path

from store import queries
from store.queries.best_adapter import BestAdapter, best_adapter
from store.queries.memory import memory_by_stage
from tests.dashboard import stores


def test_memory_is_read_stage_by_stage_in_the_order_of_the_work(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    run = stores.finished(store, stores.long_ago(2), gains=(0.1,))
    found = memory_by_stage(store, run)
    assert found[0].stage == "held-out" and {stage.cycle for stage in found} == {0, 1}
    assert all(stage.before_bytes == 8e8 and stage.after_bytes == 8.5e8 for stage in found)
    assert all((stage.peak_bytes or 0) > 8.5e8 and stage.gpu_peak_bytes is None for stage in found)
    store.close()


def test_the_last_of_several_carries_the_warning_and_a_single_one_does_not(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    several = best_adapter(store, stores.finished(store, stores.long_ago(5), gains=(0.3, 0.1, 0.2)))
    single = best_adapter(store, stores.finished(store, stores.long_ago(2), gains=(0.1,)))
    assert several and several.cycle == 3 == several.candidates and "The best of 3 is not picked" in several.sentence
    assert single and single.cycle == 1 and "best of" not in single.sentence
    assert best_adapter(store, stores.untuned(store, stores.long_ago(1))) is None
    store.close()


def test_the_last_cycle_is_kept_whatever_its_score(tmp_path: Path) -> None:
    store = stores.store_at(tmp_path)
    run = stores.finished(store, stores.long_ago(5), gains=(0.3, 0.1), headline="reference_nll")
    found = best_adapter(store, run)
    scores = {row.cycle: row.tuned for row in queries.changes_of(store, run)
              if (row.tier, row.topic, row.metric) == ("held-out", "", "reference_nll")}
    assert isinstance(found, BestAdapter) and (found.cycle, found.score) == (2, scores[2])
    store.close()
