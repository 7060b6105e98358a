"""A worker process with fake models that kills itself with SIGKILL at a given stage and point.

Run as: python worker_on_demand.py RUN OWNER FENCE ATTEMPT; KILL_AT="stage:point", point one of before, inside, written.
ITEM_SECONDS makes each item of a stage last. With ITEM_FOLDER each item is noted there in `items`; item HOLD_ITEM
writes `held`, waits until `go` is there, and then learns of stop requests as it would by a heartbeat.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import fakes  # noqa: E402

from knowledge.kubernetes.topics import BUILT_IN  # noqa: E402
from runner.pipeline import executor, worker  # noqa: E402
from runner.pipeline.run_knowledge import open_domain  # noqa: E402
from runner.service.parent_death import die_with_parent  # noqa: E402
from runner.teacher import open_teacher  # noqa: E402
from store.event_log.journal import Claim  # noqa: E402
from store.paths import default_paths  # noqa: E402
from store.run_config import OFFLINE_TEACHER  # noqa: E402

ITEM_FOLDER = Path(os.environ["ITEM_FOLDER"]) if "ITEM_FOLDER" in os.environ else None
STAGE, _, POINT = os.environ.get("KILL_AT", ":").partition(":")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def item_begins(journal: Any, calls: list[str], _where: str) -> None:
    """Let the item last or wait; kill at the stage's second call: after the first part of a long stage is on disk."""
    calls.append(Execution.now)
    if ITEM_FOLDER:
        note_and_hold(ITEM_FOLDER, journal, len(calls))
    time.sleep(float(os.environ.get("ITEM_SECONDS", "0")))
    if POINT == "inside" and Execution.now == STAGE and calls.count(STAGE) > 1:
        die()


def note_and_hold(folder: Path, journal: Any, number: int) -> None:
    with (folder / "items").open("a") as items:
        items.write(f"{Execution.now}\n")
    if number == int(os.environ["HOLD_ITEM"]):
        (folder / "held").touch()
        while not (folder / "go").exists():
            time.sleep(0.02)
        journal.flush()


def planned_bench(config: Any, run: str, store: Any, paths: Any, journal: Any) -> Any:
    """Fakes that record their memory plan, as the real student does."""
    fail = partial(item_begins, journal, [])
    bench = fakes.fake_resources(config, run, store, paths, journal, fail)

    def open_student(rung: int) -> Any:
        journal.append(worker.memory_plan_event(dataclasses.replace(fakes.FakeStudent.info, plan_index=rung)))
        return fakes.FakeStudent(fail)

    bench.open_student = open_student
    if config.practice or config.test or config.knowledge != BUILT_IN:
        bench.open_domain = partial(open_domain, config, paths.documents)
    if config.teacher != OFFLINE_TEACHER:
        bench.open_teacher = lambda: open_teacher(config, run, store)
    return bench


class Execution(executor.PipelineExecutor):
    """The real executor, killed at a chosen stage and point."""

    now = ""

    def _run_with_retries(self, step: Any, context: Any) -> Sequence[Any]:
        Execution.now = step.row.stage
        if (step.row.stage, "before") == (STAGE, POINT):
            die()
        return super()._run_with_retries(step, context)

    def _record_finished(self, step: Any, *rest: Any, **more: Any) -> None:
        if (step.row.stage, "written") == (STAGE, POINT):
            die()
        super()._record_finished(step, *rest, **more)


if __name__ == "__main__":
    worker.PipelineExecutor = Execution  # type: ignore[misc]
    run, owner, fence, attempt = sys.argv[1:]
    if os.environ.get("END_WITH_PARENT"):
        die_with_parent(owner)
    sys.exit(worker.execute_claimed_run(Claim(run, owner, int(fence), int(attempt)), default_paths(), planned_bench))
