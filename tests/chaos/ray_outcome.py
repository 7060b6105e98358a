"""What must be the same of a run, however it was disturbed: checkpoints, history, losses, verdict and bill."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runner.pipeline.resources import RunResources
from runner.pipeline.shared_files import get_missing_files
from runner.teacher import open_teacher
from store import queries
from store.costs.llm_calls import calls_of_run, cost_of, run_usage
from store.database import Store, integrity_faults
from store.event_log.journal import head_of, read_events
from store.paths import Paths
from store.run_config import RunConfig
from tests.chaos.outcome import history
from tests.runner import fakes
from tests.runner.same_run import TIMED_STAGES, outcome
from tests.runner.watching import run_of

_OF_TIMED_STAGES = ("sha256", "size_bytes", "inputs_sha256")
"""What says of a checkpoint that states how long the run took; the comparisons in it are compared by themselves."""
_CLOCK = ("adopted",)


def fake_models(config: RunConfig, run: str, store: Store, *others: object) -> RunResources:
    """A chat teacher that the configuration names, and fakes for the models, as `worker_on_demand.py` has them."""
    return dataclasses.replace(fakes.fake_resources(config, run, store, *others),
                               open_teacher=lambda: open_teacher(config, run, store))


def facts(store: Store, run: str, by_stage: bool = False) -> dict[str, Any]:
    """Everything about a finished run that must not depend on where it was executed and what died.

    Args:
        by_stage: the order of events counts within each stage alone, as stages may run at the same time.
    """
    told = _history(store, run)
    if by_stage:
        told.sort(key=lambda one: (one[0] or 0, one[1] or ""))
    return {"checkpoints and verdict": outcome(store, run), "history": told,
            "losses": sorted([p.cycle, p.stage, p.step, p.value] for p in queries.series(store, run, "loss")),
            "bill": _bill(store, run)}


def faults(store: Store, run: str, expected: dict[str, Any], artifacts: Paths,
           by_stage: bool = False) -> Iterator[str]:
    """What is wrong with a run that was disturbed.

    Args:
        store, run: the run.
        expected: its facts where nothing disturbed it.
        artifacts: the artifact store of all hosts; its data folder is not used.
        by_stage: as in `facts`.
    """
    ended = run_of(store, run)
    if ended.work != "finished":
        yield f"the run is {ended.work}: {ended.error}"
        return
    found = facts(store, run, by_stage)
    yield from (f"other {part}: {_difference(expected[part], found[part])}" for part in expected
                if found[part] != expected[part])
    if [item.seq for item in read_events(store, run)] != list(range(1, head_of(store, run) + 1)):
        yield "the sequence has gaps or doubles"
    yield from integrity_faults(store)
    with tempfile.TemporaryDirectory() as folder:
        here = Paths(Path(folder), artifacts.store_url, artifacts.artifacts)
        yield from (f"artifact store: {fault}" for fault in get_missing_files(read_events(store, run), here, run))


def paid_in_vain(disturbed: Sequence[str], alone: Sequence[str], most: int) -> Iterator[str]:
    """What is wrong with the calls that a teacher's server got: each death may cost the calls in flight, no other."""
    again, missing = Counter(disturbed) - Counter(alone), Counter(alone) - Counter(disturbed)
    if missing:
        yield f"the teacher was never asked {missing.total()} of the calls"
    if again.keys() - set(alone):
        yield "the teacher was asked what it is not asked in an undisturbed run"
    if again.total() > most:
        yield f"{again.total()} calls were paid twice, {most} were in flight at most"


def _history(store: Store, run: str) -> list[Any]:
    told = []
    for cycle, stage, kind, payload in history(store, run):
        timed = kind == "StageFinished" and stage in TIMED_STAGES
        told.append([cycle, stage, kind, _without_clock(payload, _OF_TIMED_STAGES if timed else ())])
    return told


def _without_clock(payload: Any, left_out: Sequence[str]) -> Any:
    if isinstance(payload, dict):
        return {key: _without_clock(value, left_out) for key, value in payload.items()
                if not key.endswith("seconds") and key not in _CLOCK and key not in left_out}
    return [_without_clock(item, left_out) for item in payload] if isinstance(payload, list) else payload


def _bill(store: Store, run: str) -> list[Any]:
    calls = sorted([call.key, call.model, call.purpose, _without_clock(json.loads(call.response), ()),
                    call.prompt_tokens, call.completion_tokens]
                   for call, _ in calls_of_run(store, run))
    spent = run_usage(store, run)
    return [dataclasses.astuple(spent), cost_of(run_of(store, run).config.teacher, spent), calls]


def _difference(expected: Any, found: Any) -> str:
    if isinstance(expected, dict):
        return str({key: (expected.get(key), found.get(key)) for key in expected.keys() | found.keys()
                    if expected.get(key) != found.get(key)})[:600]
    missing, more = [item for item in expected if item not in found], [item for item in found if item not in expected]
    return f"missing {str(missing)[:300]}, too many {str(more)[:300]}, {len(expected)} and {len(found)}"
