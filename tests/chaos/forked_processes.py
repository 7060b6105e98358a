"""The processes of a trial, forked from one that has everything imported, so that a trial takes a fraction of a second.

There is a runner, and a helper that has never opened a database and forks the workers. A worker dies with its runner,
through the helper, as the real ones do.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import scipy.stats  # noqa: F401  (once here, not in every worker)

from knowledge.domain import Domain
from runner.llm.chat import ChatRequest, Completion
from runner.llm.response_cache import CachedChat
from runner.pipeline import executor, worker
from runner.pipeline.resources import RunResources
from runner.service.local_launcher import LocalLauncher
from runner.service.supervisor import Supervisor
from runner.teacher.offline_teacher import OfflineTeacher
from store import queries
from store.database import open_store
from store.event_log.journal import Claim
from store.paths import Paths
from tests.addresses import address_in
from tests.chaos.points import Plan, Points
from tests.runner import fakes

STRAY_SECONDS = 60.0
domain = cache(fakes.small_domain)


def places_in(folder: Path) -> Paths:
    return Paths(folder / "data", address_in(folder / "data"))


def forked(act: Callable[[], int]) -> int:
    """Fork a child that runs a function and exits; return its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        code = act()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def run_the_runner(folder: Path, run: str, trace: Path | None = None, paths: Paths | None = None) -> int:
    """Serve as a runner until the run has ended.

    Args:
        folder: of the trial.
        run: the run.
        trace: the file for the names of the points that are passed.
        paths: of the runner; None: the data folder in the folder of the trial.
    """
    paths = paths or places_in(folder)
    logging.getLogger("runner").addHandler(logging.NullHandler())
    ours, theirs = socket.socketpair()
    boss = os.getpid()
    helper = forked(lambda: _fork_workers(theirs, folder, paths, boss, trace))
    theirs.close()
    points = Points("runner", Plan(folder / "plan.json"), trace=trace)
    points.put_in()
    store = open_store(paths.store_url)
    supervisor = Supervisor(store, paths, make_launcher=lambda _, lock: _ForkingLauncher(paths, (), lock, link=ours))
    until = time.monotonic() + STRAY_SECONDS
    while time.monotonic() < until:
        supervisor.tick()
        found = queries.find_run(store, run)
        if supervisor.child is None and found and not found.active:
            supervisor.close()
            os.kill(helper, signal.SIGKILL)
            return 0
        time.sleep(0.004)
    return 71


@dataclasses.dataclass
class _ForkingLauncher(LocalLauncher):
    """The real launcher, with workers forked by the helper."""

    link: Any = None

    def _spawn(self, claim: Claim, gpu: str, log: Path) -> Any:
        socket.send_fds(self.link, [json.dumps(dataclasses.astuple(claim)).encode()], [self.lock])
        return _Forked(self.link, int(self.link.recv(100)))


class _Forked:
    """The part of `subprocess.Popen` that the launcher uses."""

    def __init__(self, link: socket.socket, pid: int) -> None:
        self._link, self.pid, self.returncode = link, pid, None

    def poll(self) -> int | None:
        if self.returncode is None:
            self._link.setblocking(False)
            try:
                told = self._link.recv(100)
                self.returncode = int(told) if told else -9  # type: ignore[assignment]
            except BlockingIOError:
                pass
            finally:
                self._link.setblocking(True)
        return self.returncode

    def wait(self, patience: float) -> int | None:
        until = time.monotonic() + patience
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("worker", patience)
        return self.returncode


def _fork_workers(link: socket.socket, folder: Path, paths: Paths, boss: int, trace: Path | None) -> int:
    _die_with(boss)
    mine = os.getpid()
    while True:
        told, descriptors, _, _ = socket.recv_fds(link, 4096, 1)
        if not told:
            return 0
        claim = Claim(*json.loads(told))
        pid = forked(lambda claim=claim: _work(claim, folder, paths, mine, boss, trace))  # type: ignore[misc]
        os.close(descriptors[0])
        link.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        link.send(str(os.waitstatus_to_exitcode(status)).encode())


def _work(claim: Claim, folder: Path, paths: Paths, parent: int, boss: int, trace: Path | None) -> int:
    os.setsid()
    _die_with(parent)
    log = os.open(folder / "worker.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    points = Points("worker", Plan(folder / "plan.json"), boss, trace)
    points.put_in()
    worker.PipelineExecutor = _Execution  # type: ignore[misc]
    worker.track_stage_memory = lambda: dict  # type: ignore[assignment]
    return worker.execute_claimed_run(claim, paths, lambda *given: _bench(points, folder, *given))


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(4)


class _Execution(executor.PipelineExecutor):
    """The real executor; its closing events contain no clock times, so that artifacts can be compared byte by byte."""

    def _context(self, step: Any) -> Any:
        return dataclasses.replace(super()._context(step), running_seconds=lambda: 1.0, cycle_seconds=lambda: 1.0)


def _bench(points: Points, folder: Path, config: Any, run: str, store: Any, paths: Any, journal: Any) -> RunResources:
    student = fakes.FakeStudent(lambda where: points.passes(f"student {where}"))
    judge = fakes.FakeJudge()
    judge.similarities = points.around(judge.similarities, "judge")  # type: ignore[method-assign]
    chat = CachedChat(_PaidChat(points, folder / "calls"), "paid", "nowhere", run, store)
    return RunResources(open_domain=domain, open_teacher=lambda: _PaidTeacher(chat), open_student=lambda rung: student,
                        open_judge=lambda: judge)


class _PaidChat:
    """A paid call: each is noted outside the data folder, where no recovery can undo it."""

    def __init__(self, points: Points, bill: Path) -> None:
        self._points, self._bill = points, bill

    def complete(self, request: ChatRequest) -> Completion:
        self._points.passes("before call")
        with self._bill.open("a") as bill:
            bill.write(f"{request.item}\n")
        self._points.passes("after call")
        return Completion(f"echo of {request.item}", "stop", 3, 5)


class _PaidTeacher(OfflineTeacher):
    """The offline teacher, which makes a paid call before each reference."""

    def __init__(self, chat: CachedChat) -> None:
        super().__init__()
        self._chat = chat

    def write_references(self, domain: Domain, questions: Any, on_reference: Any) -> Any:
        for question in questions:
            self._chat.complete(ChatRequest("", question.text, "", {}, 0.0, 64, 1, "reference", question.id))
        return super().write_references(domain, questions, on_reference)

