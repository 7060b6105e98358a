"""The long-lived runner: APScheduler looks around for work and says that the runner is there, until told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from runner.lifeline import hold_as_only_runner
from runner.recurring import REFRESH_SECONDS, Recurring
from runner.supervisor import Supervisor
from store.database import Store
from store.leases import BEAT_SECONDS
from store.locations import Locations

TICK_SECONDS = 0.5


def serve(store: Store, places: Locations) -> int:
    """Serve the queue until SIGTERM or Ctrl-C; a run at work then goes back to the queue, its checkpoints kept.

    Raises:
        AlreadyRunning: another runner serves this data folder.
    """
    hold_as_only_runner(places.data)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    supervisor = Supervisor(store, places)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    scheduler = _scheduler(supervisor, store)
    scheduler.start()
    print(f"runner {supervisor.owner} serves {places.store_url}; Ctrl-C stops it", flush=True)
    stop.wait()
    scheduler.shutdown(wait=True)
    supervisor.close()
    print("runner stopped", flush=True)
    return 0


def _scheduler(supervisor: Supervisor, store: Store) -> BackgroundScheduler:
    """Each kind of job on an executor of its own, so that nothing slow silences the heartbeat.

    The grace has to be set: by default a job that is one second late is dropped without a word.
    """
    scheduler = BackgroundScheduler(
        timezone=UTC, executors={name: ThreadPoolExecutor(1) for name in ("work", "beat", "schedules")},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60})
    scheduler.add_job(supervisor.tick, "interval", seconds=TICK_SECONDS, executor="work")
    scheduler.add_job(supervisor.beat, "interval", seconds=BEAT_SECONDS, executor="beat")
    recurring = Recurring(store, scheduler, "schedules")
    scheduler.add_job(recurring.refresh, "interval", seconds=REFRESH_SECONDS, executor="schedules",
                      next_run_time=datetime.now(UTC))
    return scheduler
