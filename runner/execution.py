"""The loop over the cycle's table (`runner/cycle.py`): carries a run out, or on from wherever it stopped.

For every step in order: finished already (its event is in the store and its file fits)? then on to the next.
Else run the stage, write its artifact whole, and tell the store. Resume is this same loop.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runner.artifacts import (
    ADAPTER_FILES, Artifact, Header, read_artifact, set_aside, sha256_of, sha256_of_file, write_artifact,
)
from runner.cycle import Row, Step, inputs_of, steps
from runner.recovery import RECOVERY, Action, ErrorKind, kind_of, wait_before
from runner.stage import Context
from runner.workbench import Workbench
from store.config import RunConfig, to_json
from store.events import (
    AdapterTrained, CycleStarted, Event, MetricLogged, PlaceboTrained, Recorded, RecoveryTaken, StageFailed,
    StageFinished, StageStarted,
)
from store.journal import Journal, LeaseLost, StopRequested


class RunGivenUp(Exception):
    """A stage could not be done and nothing can stand in its place: the run fails, with kind, message and advice."""

    def __init__(self, kind: ErrorKind, message: str, trace: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.trace = trace

    @property
    def advice(self) -> str:
        return RECOVERY[self.kind].advice


@dataclass
class Execution:
    """One run being carried out by the holder of its claim."""

    run: str
    config: RunConfig
    folder: Path
    journal: Journal
    workbench: Workbench
    history: Sequence[Recorded]
    """The run's events so far; empty but for the request on a first attempt."""
    watch_memory: Callable[[], Callable[[], Mapping[str, float]]] = lambda: dict
    """Called as a stage begins; what it returns is asked for the stage's memory as it ends."""
    seconds_loading: Callable[[], float] = lambda: 0.0
    """What this process has spent on loading models and their libraries so far."""
    sleep: Callable[[float], None] = time.sleep
    artifacts: dict[tuple[str, int], Artifact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._finished = {(item.stage, item.cycle): item.event.sha256 for item in self.history
                          if isinstance(item.event, StageFinished)}
        self._begun = {item.cycle: item.at.timestamp() for item in reversed(self.history)
                       if isinstance(item.event, CycleStarted)}
        self._began = min((item.at.timestamp() for item in self.history), default=time.time())

    def carry_out(self) -> None:
        """Take every step that is not finished yet.

        Raises:
            RunGivenUp: a stage failed for good and the run cannot go on without it.
            StopRequested, LeaseLost: passed on from the journal.
        """
        for step in steps(self.config):
            if step.cycle and step.cycle not in self._begun:
                self.journal.append(CycleStarted(), cycle=step.cycle)
                self._begun[step.cycle] = time.time()
            self.artifacts[step.row.stage, step.cycle] = self._finished_artifact(step) or self._take(step)

    def _finished_artifact(self, step: Step) -> Artifact | None:
        """The step's artifact when nothing is left to do: known to the store, or whole on disk and adopted now."""
        path, header = self._path(step), self._header(step)
        artifact = read_artifact(path)
        if artifact is None or artifact.header != header or not self._adapter_is_there(artifact):
            set_aside(path)
            return None
        if self._finished.get((step.row.stage, step.cycle)) == artifact.sha256:
            return artifact
        if (step.row.stage, step.cycle) in self._finished:  # the file is not the one that was recorded
            set_aside(path)
            return None
        self._tell_finished(step, artifact, 0.0, {}, adopted=True)
        return artifact

    def _take(self, step: Step) -> Artifact:
        began, loading, memory = time.monotonic(), self.seconds_loading(), self.watch_memory()
        self.journal.append(StageStarted(step.row.doer), cycle=step.cycle, stage=step.row.stage)
        context = self._context(step)
        told = self._events_of(step.row, context)
        self.journal.flush()  # a claim that was lost meanwhile ends here: files carry no fence
        artifact = write_artifact(self._path(step), context.header, told)
        self._tell_finished(step, artifact, time.monotonic() - began, memory(), adopted=False,
                            loading=self.seconds_loading() - loading)
        context.parts().remove()
        return artifact

    def _events_of(self, row: Row, context: Context) -> Sequence[Event]:
        """What the stage tells, after as many repeats as the recovery table grants; else its stand-in."""
        attempt, loading = 0, None
        while True:
            try:
                return row.run(context)
            except (StopRequested, LeaseLost):
                raise
            except Exception as error:  # the one broad except: everything that goes wrong becomes a row of the table
                attempt += 1
                if kind_of(error) is ErrorKind.MODEL_LOADING:
                    loading = error
                if not self._recover(error, attempt, context):
                    # The end of the plan's settings is no news where it was loading that went through them.
                    out_of_settings = loading and kind_of(error) in (ErrorKind.LADDER_ENDED, ErrorKind.NO_ROOM)
                    return self._stand_in(row, context, loading if loading and out_of_settings else error)

    def _recover(self, error: Exception, attempt: int, context: Context) -> bool:
        """Do what the table says; False when the stage is to be given up."""
        kind = kind_of(error)
        recovery = RECOVERY[kind]
        if recovery.action is Action.GIVE_UP or attempt > recovery.tries:
            return False
        wait = wait_before(error, recovery, attempt)
        self.journal.append(RecoveryTaken(kind, recovery.action, attempt, wait, str(error)),
                            cycle=context.cycle, stage=context.stage)
        if recovery.action in (Action.STEP_DOWN, Action.NEXT_SETTINGS):
            self.workbench.step_down()
        self._wait(wait)
        return True

    def _wait(self, seconds: float) -> None:
        """Sleep in short pieces, so that a person who cancels does not wait too."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.sleep(min(left, 0.5))
            self.journal.flush()
            self.journal.check_stop()

    def _stand_in(self, row: Row, context: Context, error: Exception) -> Sequence[Event]:
        kind, trace = kind_of(error), "".join(traceback.format_exception(error))
        recovery = RECOVERY[kind]
        self.journal.append(StageFailed(kind, str(error), recovery.advice, trace), cycle=context.cycle,
                            stage=context.stage)
        if row.instead is None or recovery.fatal:
            raise RunGivenUp(kind, f"{row.title} failed: {error}", trace) from error
        return row.instead(context, f"{row.title.lower()} failed ({kind}): {error}")

    def _context(self, step: Step) -> Context:
        return Context(
            run=self.run, config=self.config, cycle=step.cycle, stage=step.row.stage,
            inputs={name: self.artifacts[key] for name, key in inputs_of(step, self.config).items()},
            run_folder=self.folder, header=self._header(step), workbench=self.workbench,
            emit=partial(self.journal.emit, cycle=step.cycle, stage=step.row.stage),
            running_seconds=lambda: time.time() - self._began,
            cycle_seconds=lambda: time.time() - self._begun.get(step.cycle, self._began))

    def _header(self, step: Step) -> Header:
        sources = inputs_of(step, self.config)
        hashes = "\n".join(f"{name} {self.artifacts[key].sha256}" for name, key in sorted(sources.items()))
        return Header(self.run, step.cycle, step.row.stage, sha256_of(to_json(self.config).encode()),
                      hashlib.sha256(hashes.encode()).hexdigest())

    def _path(self, step: Step) -> Path:
        return self.folder / f"cycle-{step.cycle:02d}" / f"{step.row.stage}.json"

    def _tell_finished(self, step: Step, artifact: Artifact, seconds: float, used: Mapping[str, float],
                       adopted: bool, loading: float = 0.0) -> None:
        """One transaction: what the stage told, that it is finished, and what memory it used."""
        finished = StageFinished(seconds, str(self._path(step).relative_to(self.folder)), artifact.size_bytes,
                                 artifact.sha256, artifact.header.inputs_sha256, adopted, loading)
        memory = [MetricLogged(key, 0, value, "bytes") for key, value in used.items()]
        self.journal.append(*artifact.events, finished, *memory, cycle=step.cycle, stage=step.row.stage)

    def _adapter_is_there(self, artifact: Artifact) -> bool:
        """An artifact that names an adapter is only whole with it, its weights as they were left."""
        trained = artifact.first(AdapterTrained) or artifact.first(PlaceboTrained)
        if trained is None:
            return True
        config, weights = (self.folder / trained.adapter / name for name in ADAPTER_FILES)
        return config.is_file() and weights.is_file() and sha256_of_file(weights) == trained.sha256
