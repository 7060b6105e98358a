"""The long-lived runner: APScheduler looks around for work and says that the runner is there, until told to stop."""

from __future__ import annotations

import logging
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

from runner.service.housekeeping import MAINTENANCE_TASKS
from runner.service.process_lock import acquire_runner_lock
from runner.service.runner_log import configure, log_event
from runner.service.schedule_jobs import REFRESH_SECONDS, ScheduleJobs
from runner.service.supervisor import Supervisor
from store.database import Store
from store.event_log.leases import HEARTBEAT_SECONDS
from store.paths import Paths

TICK_SECONDS = 0.5
DRAIN_SECONDS = 25.0
"""The longest that a run at work may hold up a runner that was told to stop."""
EXECUTORS = ("work", "beat", "schedules", "housekeeping")
"""One thread each, so that nothing slow starves the heartbeat, the queue or a schedule."""


@dataclass(frozen=True)
class Job:
    """One recurring thing that the runner does."""

    name: str
    executor: str
    every_seconds: float
    do: Callable[[], None]


def serve(store: Store, paths: Paths, stand_by: bool = False) -> int:
    """Serve the queue until SIGTERM or Ctrl-C; a run at work finishes its item and goes back to the queue.

    With `stand_by`, waits for the runner of this data folder to end, however it ends, and takes its place.

    Raises:
        AlreadyRunning: another runner serves this data folder, and standing by was not asked for.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if stand_by:
        print(f"standing by for {paths.data}; Ctrl-C stops it", flush=True)
    if acquire_runner_lock(paths.data, stop.wait if stand_by else None) is None:
        return 0
    configure(paths)
    _serve(store, paths, stop)
    return 0


def _serve(store: Store, paths: Paths, stop: threading.Event) -> None:
    supervisor = Supervisor(store, paths)
    scheduler = _scheduler()
    recurring = ScheduleJobs(store, scheduler, "schedules")
    jobs = [Job("look around", "work", TICK_SECONDS, supervisor.tick),
            Job("beat", "beat", HEARTBEAT_SECONDS, supervisor.send_heartbeat),
            Job("schedules", "schedules", REFRESH_SECONDS, recurring.refresh),
            *(Job(chore.name, "housekeeping", chore.every_seconds, partial(chore.do, store, paths))
              for chore in MAINTENANCE_TASKS)]
    for job in jobs:
        scheduler.add_job(job.do, "interval", seconds=job.every_seconds, executor=job.executor, name=job.name,
                          next_run_time=datetime.now(UTC))
    scheduler.start()
    log_event("runner serves", owner=supervisor.owner, store=paths.store_url.rpartition("@")[2], data=str(paths.data))
    stop.wait()
    log_event("runner stops; a run at work finishes its item and goes back to the queue")
    # In the thread that started the worker, for a worker dies with that thread; and while the runner still beats.
    supervisor.stopping.set()
    supervisor.stopped.wait(DRAIN_SECONDS)
    scheduler.shutdown(wait=True)
    supervisor.close()
    log_event("runner stopped", owner=supervisor.owner)


def _scheduler() -> BackgroundScheduler:
    """In-memory jobs. The grace has to be set: by default a job that is one second late is dropped without a word."""
    logging.getLogger("apscheduler").addHandler(logging.NullHandler())
    logging.getLogger("apscheduler").propagate = False  # what it has to say goes through our own log
    scheduler = BackgroundScheduler(
        timezone=UTC, executors={name: ThreadPoolExecutor(1) for name in EXECUTORS},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 600})
    scheduler.add_listener(_log_job_failure, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    return scheduler


def _log_job_failure(event: Any) -> None:
    """A job that failed or came too late is on record, and comes again at its next time."""
    if event.code == EVENT_JOB_MISSED:
        log_event("job missed its time", logging.WARNING, job=event.job_id)
    else:
        log_event("job failed", logging.ERROR, job=event.job_id, error=str(event.exception), trace=event.traceback)
