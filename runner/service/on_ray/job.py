"""Submit a runner to a Ray cluster as a job: it then serves the queue from the cluster's head."""

from __future__ import annotations

import os
import shlex
import time

from ray.exceptions import AuthenticationError
from ray.job_submission import JobStatus, JobSubmissionClient
from sqlalchemy import make_url

from runner.errors import UserError, first_line
from runner.service.code_hash import ROOT
from store.paths import Paths

POLL_SECONDS = 2.0


def submit_runner(address: str, paths: Paths, at_once: int | None, gpus: int | None) -> int:
    """Submit `serve --ray auto`, print its log until it ends, and stop it on Ctrl-C; return its exit code.

    The job gets the addresses of store and artifact store, never a password or key: those are in the environment of the
    cluster's nodes, because what a job is given can be read by everybody who may see the cluster's jobs.

    Raises:
        UserError: there is no cluster, it refuses the token or the job, or it is gone.
    """
    os.environ["RAY_API_SERVER_ADDRESS"] = address  # else RAY_ADDRESS would count instead of what was named
    try:
        client = JobSubmissionClient(address)
        job = client.submit_job(entrypoint=entrypoint(at_once, gpus),
                                runtime_env={"env_vars": job_environment(paths)})
    except AuthenticationError as error:
        raise UserError(f"{address} refuses this token: set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the one of the "
                        "cluster") from error
    except (OSError, RuntimeError) as error:
        raise UserError(f"{address} does not take the job: {first_line(error)}") from error
    print(f"submitted to {address} as job {job}; Ctrl-C stops it", flush=True)
    try:
        return _follow(client, job)
    except KeyboardInterrupt:
        client.stop_job(job)
        print(f"\njob {job} is stopped; its runs go back to the queue", flush=True)
        return 0
    except (OSError, RuntimeError) as error:
        raise UserError(f"{address} does not answer any more, and job {job} is not followed: "
                        f"{first_line(error)}") from error


def entrypoint(at_once: int | None, gpus: int | None) -> str:
    """Return the command of the job, which is executed where the program is on the head, at the same path as here."""
    options = [] if at_once is None else ["--at-once", str(at_once)]
    options += [] if gpus is None else ["--gpus", str(gpus)]
    command = shlex.join(["python", "-m", "runner", "serve", "--ray", "auto", *options])
    return f"cd {shlex.quote(str(ROOT))} && exec {command}"


def job_environment(paths: Paths) -> dict[str, str]:
    """Return the environment of the job: addresses without a password."""
    store = make_url(paths.store_url).set(password=None).render_as_string(hide_password=False)
    return {"STORE_URL": store} | ({"ARTIFACTS": paths.artifacts} if paths.artifacts else {})


def _follow(client: JobSubmissionClient, job: str) -> int:
    shown = 0
    while True:
        status = client.get_job_status(job)
        log = client.get_job_logs(job)
        print(log[shown:], end="", flush=True)
        shown = len(log)
        if status.is_terminal():
            return 0 if status in (JobStatus.SUCCEEDED, JobStatus.STOPPED) else 1
        time.sleep(POLL_SECONDS)
