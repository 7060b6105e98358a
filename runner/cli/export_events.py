"""`export-events`: write runs to a tracker that the team uses, from the events of the store."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from runner.cli.program import how_to_install
from runner.errors import UserError
from runner.export.errors import CannotExport
from runner.export.mlflow_tracker import MlflowTracker
from runner.export.otel_tracker import OtelTracker, otlp_exporter
from runner.export.trackio_tracker import TrackioTracker
from store import queries
from store.database import open_for_reading
from store.paths import default_paths
from store.program_name import NAME

Tracker = MlflowTracker | TrackioTracker | OtelTracker
FORMS = "mlflow:URI, trackio:FOLDER or otel:URL"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The tracker, and which runs."""
    parser.add_argument("--to", required=True, metavar="TRACKER",
                        help=f"{FORMS}, such as mlflow:http://127.0.0.1:5000, trackio:./trackio or "
                             "otel:http://127.0.0.1:4318; the same command again fills up what is new")
    parser.add_argument("--run", action="append", default=[], metavar="RUN", help="only this run (repeatable)")
    parser.add_argument("--since", default="", metavar="DATE",
                        help="only runs that were requested on this day or later, such as 2026-11-30")
    parser.add_argument("--experiment", default="distill", metavar="NAME",
                        help="MLflow's experiment, or Trackio's project (default: %(default)s)")
    parser.add_argument("--register", default="", metavar="NAME",
                        help="register the adapter of --run as a version of this model in MLflow's registry")


def run(args: argparse.Namespace) -> int:
    """Write what the tracker does not have yet, the oldest run first."""
    kind, _, place = args.to.partition(":")
    if kind not in TRACKERS or not place:
        raise UserError(f"--to {args.to!r}: use {FORMS}, such as mlflow:http://127.0.0.1:5000")
    if args.register and (kind != "mlflow" or len(args.run) != 1):
        raise UserError("--register is about one run in MLflow: give --to mlflow:URI and one --run")
    try:
        since = datetime.fromisoformat(args.since).replace(tzinfo=UTC) if args.since else None
    except ValueError:
        raise UserError(f"--since {args.since!r} is no day: use 2026-11-30") from None
    store = open_for_reading(default_paths().store_url)
    runs = [run for run in reversed(queries.found_runs(store, queries.HistoryFilter()))
            if (not args.run or run.id in args.run) and (since is None or run.requested_at >= since)]
    if unknown := set(args.run) - {run.id for run in runs}:
        raise UserError(f"no run {min(unknown)!r}: list them with '{NAME} status'")
    tracker = TRACKERS[kind](place, args.experiment)
    written = [tracker.export(store, run.id) for run in runs]
    print(f"{sum(written):,} events of {sum(map(bool, written))} runs written to {tracker.uri}")
    if args.register and isinstance(tracker, MlflowTracker):
        try:
            version = tracker.register(store, default_paths(), args.run[0], args.register)
        except CannotExport as error:
            raise UserError(f"--register {args.register}: {error}") from error
        except ImportError as error:
            raise UserError(how_to_install([str(error.name)], "export-events --register")) from error
        print(f"registered as version {version} of {args.register}")
    return 0


def _otel(address: str, experiment: str) -> OtelTracker:
    return OtelTracker(address, default_paths().data / "trackers", otlp_exporter(address))


TRACKERS: dict[str, Callable[[str, str], Tracker]] = {
    "mlflow": MlflowTracker,
    "trackio": lambda folder, project: TrackioTracker(Path(folder).expanduser().absolute(), project),
    "otel": _otel,
}
"""What stands before the colon -> the tracker at what stands behind it, by the name of experiment or project."""
