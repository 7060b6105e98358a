"""Write runs to an MLflow server from the events of the store: what was missed is filled up, nothing is written twice.

Each run has one MLflow run, found by its tag. The tag `distill.seq` says up to which event it was written, and is
written with the metrics of these events, so that a killed export continues where it ended.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from runner.errors import UserError
from runner.export.tracked_values import metrics_of, milliseconds, settings_of
from store import events
from store.database import Store
from store.event_log.event_rows import read_events
from store.events import Recorded
from store.paths import Paths
from store.report import as_json, gather

EXPERIMENT = "distill"
RUN_TAG, SEQ_TAG = "distill.run", "distill.seq"
ADAPTER = "adapter"
"""Folder of the adapter among the artifacts of an MLflow run."""
_MODEL_NAME = re.compile(r"[\w.-]{1,200}")
AT_ONCE = 500
"""Metrics of one request; MLflow takes up to 1,000."""
_STATUS: dict[type[events.Event], str] = {
    events.RunFinished: "FINISHED", events.RunFailed: "FAILED", events.RunCancelled: "KILLED"}


class MlflowTracker:
    """A connection to an MLflow server or store."""

    def __init__(self, uri: str, experiment: str = EXPERIMENT) -> None:
        """Connect.

        Args:
            uri: of the server, as MLFLOW_TRACKING_URI has it.
            experiment: it is made if there is none of this name.

        Raises:
            UserError: mlflow-skinny is not installed, or the server does not answer.
        """
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        try:
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise UserError("MLflow is not installed: pip install mlflow-skinny") from error
        self.uri, self._refused = uri, MlflowException
        self._client: Any = self._call(lambda: MlflowClient(uri))
        found = self._call(lambda: self._client.get_experiment_by_name(experiment))
        self._experiment = found.experiment_id if found else \
            self._call(lambda: self._client.create_experiment(experiment))

    def export(self, store: Store, run: str) -> int:
        """Write the events of a run that were not written yet; return how many there were."""
        mine = self._found(run)
        after = int(mine[0].data.tags.get(SEQ_TAG, 0)) if mine else 0
        new = read_events(store, run, after)
        if not new:
            return 0
        there = mine[0].info.run_id if mine else self._created(run, new[0])
        for start in range(0, len(new), AT_ONCE):
            self._write(store, there, run, new[start:start + AT_ONCE])
        return len(new)

    def register(self, store: Store, paths: Paths, run: str, model: str) -> str:
        """Register the adapter that a run keeps as a version of a model; return the version.

        A run has one version of a model, so that the same command again changes nothing. The adapter's files are
        artifacts of the MLflow run, which must have been written before.

        Raises:
            CannotExport: the run has no adapter, or not the recorded one.
            UserError: the model cannot have this name, or the server refuses.
        """
        from runner.export.student_export import tuned_cycle  # needs more than the first installation has

        if not _MODEL_NAME.fullmatch(model):
            raise UserError(f"--register {model!r}: use letters, digits, dots, hyphens and underscores")
        ours, cycle, folder = tuned_cycle(store, paths, run, None)
        there, named = self._found(run)[0].info.run_id, f"name = '{model}'"
        versions = self._call(lambda: self._client.search_model_versions(named))
        if known := [one for one in versions if one.run_id == there]:
            return str(known[0].version)
        if not self._call(lambda: self._client.search_registered_models(named)):
            self._call(lambda: self._client.create_registered_model(model))
        self._call(lambda: self._client.log_artifacts(there, str(folder), ADAPTER))
        tags = {RUN_TAG: run, "distill.cycle": str(cycle.cycle), "distill.student": ours.config.student,
                "distill.verdict": ours.verdict or "", "distill.adapter_sha256": cycle.adapter_sha256 or ""}
        made = self._call(lambda: self._client.create_model_version(
            model, f"runs:/{there}/{ADAPTER}", there, tags, description=ours.sentence or ""))
        return str(made.version)

    def _found(self, run: str) -> Any:
        return self._call(lambda: self._client.search_runs([self._experiment], f"tags.`{RUN_TAG}` = '{run}'"))

    def _created(self, run: str, first: Recorded) -> str:
        assert isinstance(first.event, events.RunRequested)
        tags = {RUN_TAG: run, SEQ_TAG: "0", "mlflow.user": first.event.requested_by}
        name = first.event.config.get("name") or run
        made = self._call(lambda: self._client.create_run(self._experiment, milliseconds(first), tags, name))
        return str(made.info.run_id)

    def _write(self, store: Store, there: str, run: str, part: list[Recorded]) -> None:
        """Write a part of a run's events; the tag that says so is written last."""
        from mlflow.entities import Metric, Param, RunTag

        if any(isinstance(one.event, events.RunFinished) for one in part):
            evidence = gather(store, run, None)
            if evidence is not None:
                self._call(lambda: self._client.log_text(there, as_json(evidence), "evidence.json"))
        metrics = [Metric(name, value, milliseconds(one), step)
                   for one in part for name, value, step in metrics_of(one) if value is not None]
        parameters = [Param(name, value) for one in part for name, value in settings_of(one)]
        tags = [RunTag(name, value) for one in part for name, value in tags_of(one)]
        tags.append(RunTag(SEQ_TAG, str(part[-1].seq)))
        ended = next((one for one in reversed(part) if type(one.event) in (*_STATUS, events.RunRequeued)), None)
        if ended is not None:
            self._call(lambda: self._client.update_run(there, "RUNNING") if type(ended.event) not in _STATUS else
                       self._client.set_terminated(there, _STATUS[type(ended.event)], milliseconds(ended)))
        self._call(lambda: self._client.log_batch(there, metrics, parameters, tags))

    def _call(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except self._refused as error:
            raise UserError(f"MLflow at {self.uri}: {str(error).splitlines()[0]}") from error


def tags_of(recorded: Recorded) -> list[tuple[str, str]]:
    """Return what an event says of its run in words."""
    event = recorded.event
    if isinstance(event, events.RunFinished):
        return [("distill.verdict", event.verdict), ("mlflow.note.content", event.sentence)]
    if isinstance(event, events.RunFailed):
        return [("mlflow.note.content", f"{event.message} {event.advice}")]
    return []
