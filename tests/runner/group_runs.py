"""Complete groups of runs: real pipeline and store, a fake student whose training depends on its seed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.pipeline.stage_checkpoints import ADAPTER_FILES
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from runner.protocols import Likelihood, TrainingConfig, TrainingExample, TrainingResult, TrainingStep
from store import commands
from store.database import Store
from store.event_log import leases
from store.paths import Paths
from store.run_config import RunConfig
from store.sweep import SweepPlan, plan_runs
from tests.plain_runs import plain_run
from tests.runner import fakes

SEED = "seed of the training"
SMALL: dict[str, Any] = {"topics": ("pods", "services"), "questions": 6, "held_out": 12, "steps": 2}


class SeededStudent(fakes.FakeStudent):
    """Finds references likelier after training, by how much depends on question, seed and learning rate."""

    def fine_tune(self, examples: Sequence[TrainingExample], recipe: TrainingConfig, start: Path | None, to: Path,
                  on_step: Callable[[TrainingStep], None], until: int | None = None) -> TrainingResult:
        result = super().fine_tune(examples, recipe, start, to, on_step, until)
        for folder in {Path(result.adapter), *(path.parent for path in to.glob(f"*/{ADAPTER_FILES[0]}"))}:
            for name in ADAPTER_FILES:
                known = json.loads((folder / name).read_text()) | {SEED: f"{recipe.seed} {recipe.learning_rate}"}
                (folder / name).write_text(json.dumps(known, sort_keys=True))
        return result

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None,
                    on_scored: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
        trained = self._known(adapter).get(SEED, "")
        luck = 0.4 * (fakes.digest(trained) - 0.5)
        return [Likelihood(2.0 + fakes.digest(q, a) - bool(trained) * (0.3 + luck + 0.2 * fakes.digest(q, trained)),
                           len(a.split())) for q, a in pairs]


def seeded_resources(config: RunConfig, run: str, store: Store, *others: Any) -> RunResources:
    """Fakes, with the student whose training depends on its seed."""
    return dataclasses.replace(fakes.fake_resources(config, run, store, *others),
                               open_student=lambda rung: SeededStudent())


def plan(seeds: Sequence[int], varied: Mapping[str, Sequence[Any]] | None = None, draws: bool = False, group: str = "g",
         **changes: Any) -> SweepPlan:
    """A plan of small runs."""
    return plan_runs(lambda point: plain_run(**(SMALL | changes | dict(point))), varied or {}, seeds, draws, group)


def executed(store: Store, data: Path, planned: SweepPlan,
             resources: Callable[..., RunResources] = seeded_resources) -> tuple[str, ...]:
    """Queue a plan and execute all of its runs; return their ids."""
    queued = commands.launch_group(store, planned.configs, planned.group, "test")
    for _ in queued.runs:
        if (claim := leases.claim_next(store, leases.owner_name())) is not None:
            execute_claimed_run(claim, Paths(data, store.url), resources)
    return queued.runs
