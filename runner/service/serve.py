"""The long-running service: poll the queue and send heartbeats with APScheduler, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from runner.service.batch_poller import POLL_SECONDS, BatchPoller
from runner.service.cluster_options import RayOptions, require_token
from runner.service.devices import MOST_AT_ONCE, runs_at_once, visible_gpus
from runner.service.housekeeping import MAINTENANCE_TASKS
from runner.service.process_locks import acquire_runner_lock
from runner.service.runner_log import configure, log_event
from runner.service.schedule_jobs import REFRESH_SECONDS, ScheduleJobs
from runner.service.supervisor import Supervisor
from runner.webhooks import delivery as webhooks
from store.database import Store
from store.event_log.heartbeats import HEARTBEAT_SECONDS
from store.paths import Paths

TICK_SECONDS = 0.5
DRAIN_SECONDS = 25.0
"""How long an active run may delay the shutdown of the runner."""
EXECUTORS = ("work", "heartbeat", "schedules", "batches", "webhooks", "housekeeping")
"""One thread each, so that no slow job delays the heartbeat, the queue or a schedule."""


@dataclass(frozen=True)
class Job:
    """One periodic job of the runner."""

    name: str
    executor: str
    every_seconds: float
    do: Callable[[], None]


def serve(store: Store, paths: Paths, stand_by: bool = False, at_once: int | None = None,
          ray: RayOptions | None = None) -> int:
    """Serve the queue until SIGTERM or Ctrl-C; then each active run finishes its current item and is requeued.

    With `stand_by`, first waits until the current runner of this data folder exits, however it exits. `at_once` is the
    most runs at a time; None is one for each GPU, and one without. With `ray`, runs are executed on a cluster, and None
    is as many as it has places for.

    Raises:
        AlreadyRunning: another runner serves this data folder, and `stand_by` is false.
        UserError: the cluster cannot be used.
    """
    stop = threading.Event()
    _stop_on_signals(stop)
    if stand_by:
        print(f"standing by for {paths.data}; press Ctrl-C to stop", flush=True)
    if acquire_runner_lock(paths.data, stop.wait if stand_by else None) is None:
        return 0
    configure(paths)
    supervisor = _ray_supervisor(store, paths, at_once, ray) if ray else _local_supervisor(store, paths, at_once)
    _stop_on_signals(stop)  # Ray has put in its own
    _serve(store, paths, stop, supervisor)
    return 0


def _stop_on_signals(stop: threading.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())


def _ray_supervisor(store: Store, paths: Paths, at_once: int | None, options: RayOptions) -> Supervisor:
    require_token()
    from runner.service.on_ray.launcher import open_ray, ray_launcher  # late: Ray is optional

    needs = open_ray(options.address, options.gpus, at_once)
    return Supervisor(store, paths, at_once=at_once or MOST_AT_ONCE, make_launcher=partial(ray_launcher, needs))


def _local_supervisor(store: Store, paths: Paths, at_once: int | None) -> Supervisor:
    gpus = visible_gpus(os.environ)
    most = runs_at_once(at_once, gpus)
    if at_once and most < at_once:
        log_event("fewer runs at once than asked for: one a GPU", logging.WARNING, at_once=most, asked_for=at_once)
    return Supervisor(store, paths, at_once=most, gpus=gpus if most > 1 else ())


def _serve(store: Store, paths: Paths, stop: threading.Event, supervisor: Supervisor) -> None:
    scheduler = _scheduler()
    schedule_jobs = ScheduleJobs(store, scheduler, "schedules")
    jobs = [Job("poll", "work", TICK_SECONDS, supervisor.tick),
            Job("heartbeat", "heartbeat", HEARTBEAT_SECONDS, supervisor.send_heartbeat),
            Job("schedules", "schedules", REFRESH_SECONDS, schedule_jobs.refresh),
            Job("batches", "batches", POLL_SECONDS, BatchPoller(store).poll),
            Job("webhooks", "webhooks", webhooks.POLL_SECONDS, webhooks.Sender(store, log_event).tick),
            *(Job(task.name, "housekeeping", task.every_seconds, partial(task.do, store, paths))
              for task in MAINTENANCE_TASKS)]
    for job in jobs:
        scheduler.add_job(job.do, "interval", seconds=job.every_seconds, executor=job.executor, name=job.name,
                          next_run_time=datetime.now(UTC))
    scheduler.start()
    log_event("runner started", owner=supervisor.owner, store=paths.store_url.rpartition("@")[2], data=str(paths.data),
              at_once=supervisor.most_at_once())
    stop.wait()
    log_event("runner stopping: each active run finishes its current item and is requeued")
    # The scheduler thread that started the worker has to stop it, because a worker dies with its thread; and heartbeats
    # continue until then.
    supervisor.stopping.set()
    supervisor.stopped.wait(DRAIN_SECONDS)
    scheduler.shutdown(wait=True)
    supervisor.close()
    log_event("runner stopped", owner=supervisor.owner)


def _scheduler() -> BackgroundScheduler:
    """Return a scheduler with in-memory jobs. By default APScheduler silently drops jobs that are a second late."""
    logging.getLogger("apscheduler").addHandler(logging.NullHandler())
    logging.getLogger("apscheduler").propagate = False  # its messages go through the runner's log
    scheduler = BackgroundScheduler(
        timezone=UTC, executors={name: ThreadPoolExecutor(1) for name in EXECUTORS},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 600})
    scheduler.add_listener(_log_job_failure, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    return scheduler


def _log_job_failure(event: Any) -> None:
    """Log a job that failed or was missed; it runs again at its next time."""
    if event.code == EVENT_JOB_MISSED:
        log_event("job missed", logging.WARNING, job=event.job_id)
    else:
        log_event("job failed", logging.ERROR, job=event.job_id, error=str(event.exception), trace=event.traceback)
