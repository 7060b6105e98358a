"""`serve`: the long-running runner service."""

from __future__ import annotations

import argparse
import importlib.util

from runner.cli.counts import count_of
from runner.errors import UserError
from runner.service.cluster_options import JOB_SCHEMES, RayOptions, refuse_address, require_token
from runner.service.devices import MOST_AT_ONCE
from store.database import open_store
from store.paths import Paths, default_paths, sqlite_file
from store.program_name import INSTALLED

MOST_GPUS = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many runs at once, on which cluster, and what to do if another runner already serves."""
    parser.add_argument("--at-once", type=count_of("runs", MOST_AT_ONCE), metavar="N", help="the most runs at a time "
                        "(default: one for each GPU; one on a machine without, where N runs share the processor and "
                        "the memory)")
    parser.add_argument("--ray", metavar="ADDRESS", help="execute runs on a Ray cluster: local starts one on this "
                        "machine, auto joins that of RAY_ADDRESS or of this machine, http://HEAD:8265 submits this "
                        "runner as a job")
    parser.add_argument("--gpus", type=count_of("GPUs", MOST_GPUS, least=0), metavar="N",
                        help="with --ray: GPUs of one node that each run gets (default: 1 where a node has one)")
    parser.add_argument("--stand-by", action="store_true",
                        help="if another runner serves this data folder, wait and take over when it exits")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from runner.pipeline.preflight import artifact_store_errors
    from runner.service.serve import serve

    paths = default_paths()
    if args.ray:
        check_ray(args.ray, paths)
    elif args.gpus is not None:
        raise UserError("--gpus goes with --ray; without, a run gets one of the GPUs that CUDA_VISIBLE_DEVICES names")
    if args.ray and args.ray.startswith(JOB_SCHEMES):
        require_token()
        from runner.service.on_ray.job import submit_runner

        return submit_runner(args.ray, paths, args.at_once, args.gpus)
    if errors := artifact_store_errors(paths):
        raise UserError(errors[0])
    return serve(open_store(paths.store_url), paths, args.stand_by, args.at_once,
                 RayOptions(args.ray, args.gpus) if args.ray else None)


def check_ray(address: str, paths: Paths) -> None:
    """Refuse a cluster address that cannot work here.

    Raises:
        UserError: Ray is not installed, the address is none of a cluster, or the store is a file of this machine.
    """
    if why := refuse_address(address):
        raise UserError(why)
    if address != "local" and sqlite_file(paths.store_url):
        raise UserError("several machines cannot share a SQLite file: --ray needs a PostgreSQL store, named by "
                        "STORE_URL=postgresql+psycopg://USER@HOST/NAME")
    if importlib.util.find_spec("ray") is None:
        raise UserError("--ray needs Ray, which is not installed: "
                        f"pip install {'distill[ray]' if INSTALLED else '-r requirements-ray.txt'}")
