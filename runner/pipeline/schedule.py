"""Decide which stage may begin: one whose inputs are there, once what it occupies is free.

A stage occupies the run's device, one of its endpoints, or neither. Stages that occupy the same begin in the table's
order, so that the student answers and the endpoints are asked in the same order however long each takes. Nothing of a
later cycle begins while the device has work in an earlier one: a run that ends early has asked for little in vain.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from itertools import takewhile
from urllib.parse import urlsplit

from runner.pipeline.pipeline import OPENS_TEST, StageRun, inputs_of
from store.run_config import OFFLINE_TEACHER, RunConfig

DEVICE, TEACHER, JUDGE = "device", "teacher", "judge"
"""What a stage occupies. The device is the student's: all GPUs of the run, or the processor."""
BESIDE_DEVICE = 8
"""The most stages that run beside one of the device: one of the teacher, a comparison, and those of the judge, of which
one asks and others wait to ask."""
VARIABLE = "SIDE_BY_SIDE"
_OCCUPIED: dict[str, tuple[str, ...]] = {
    "teacher": (TEACHER,), "student": (DEVICE,), "trainer": (DEVICE,), "retriever": (DEVICE,),
    "judge": (DEVICE,)}  # and the judge's endpoint when it has left the device
_ON_DEVICE = ("student", "trainer", "retriever")
_POLL_SECONDS = 0.5

Key = tuple[str, int]


def endpoints_elsewhere(config: RunConfig, wanted: str) -> frozenset[str]:
    """Return which of teacher and judge other stages need not wait for: those at an endpoint on another machine.

    One on this machine computes with what the student computes with, the offline teacher too. With batches the whole
    run waits, and stored replies take no time. Where the set is empty, stages follow each other.

    Args:
        wanted: value of the environment variable `SIDE_BY_SIDE`: `1` counts every endpoint, `0` none.
    """
    if wanted == "0" or config.teacher_batch or config.from_replies:
        return frozenset()
    endpoints = ((TEACHER, config.teacher, config.teacher_base_url), (JUDGE, config.judge, config.judge_base_url))
    return frozenset(role for role, model, address in endpoints if model not in ("", OFFLINE_TEACHER)
                     and (wanted == "1" or not _on_this_machine(address)))


def _on_this_machine(address: str | None) -> bool:
    host = urlsplit(address or "").hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def occupied_by(step: StageRun, elsewhere: frozenset[str]) -> frozenset[str]:
    """Return what a stage occupies when it begins; the teacher the device too, unless it is elsewhere."""
    by_doer = _OCCUPIED.get(step.row.doer, ())
    computes_here = step.row.doer == "teacher" and TEACHER not in elsewhere
    return frozenset((*by_doer, DEVICE) if computes_here else by_doer)


def occupied_by_judging(config: RunConfig, elsewhere: frozenset[str]) -> frozenset[str]:
    """Return what a stage of the judge occupies when it needs the student no more."""
    return frozenset({JUDGE} if JUDGE in elsewhere or not config.judge else {JUDGE, DEVICE})


class Schedule:
    """The stages of a run that are waiting and running. Thread-safe."""

    def __init__(self, table: Sequence[StageRun], config: RunConfig, elsewhere: frozenset[str]) -> None:
        """Take the stages of a run.

        Args:
            table: in order of execution.
            config: the run's.
            elsewhere: as `endpoints_elsewhere` says; where it is empty, each stage waits for all before it.
        """
        self.side_by_side = bool(elsewhere)
        self._inputs = {_key(step): set(inputs_of(step, config).values()) for step in table}
        self._occupied = {_key(step): occupied_by(step, elsewhere) for step in table}
        self._left = {_key(step): step for step in table}
        """Stages that have not ended, in order."""
        self._order = {key: number for number, key in enumerate(self._left)}
        self._running: set[Key] = set()
        self._changing: set[Key] = set()
        """Those that run and wait for what they are to occupy next."""
        self._stopped = False
        self._changed = threading.Condition(threading.RLock())

    def next(self, on_device: bool) -> StageRun | None:
        """Wait for a stage that may begin, and begin it; None where none will come any more.

        Args:
            on_device: a stage that occupies the device alone, or any where stages follow each other; else another one.
        """
        with self._changed:
            while not self._stopped and next(self._waiting(on_device), None):
                if step := self.begin(on_device):
                    return step
                self._changed.wait()
            return None

    def begin(self, on_device: bool) -> StageRun | None:
        """Begin a stage that may begin now; None where there is none yet."""
        with self._changed:
            step = next(filter(self._may_begin, self._waiting(on_device)), None)
            if step is not None:
                self._running.add(_key(step))
            return step

    def ended(self, step: StageRun) -> None:
        """Note that a stage has ended, and its artifact is there."""
        with self._changed:
            self._running.discard(_key(step))
            del self._left[_key(step)]
            self._changed.notify_all()

    def occupy(self, step: StageRun, wanted: frozenset[str], check: Callable[[], None]) -> None:
        """Let a running stage release what it occupies, and wait until it has something else.

        Args:
            wanted: what it is to occupy next: a stage of the judge, which leaves the device, the judge's endpoint.
            check: called now and then; may raise to end the wait.
        """
        with self._changed:
            self.request(step, wanted)
            while not self.obtained(step):
                self._changed.wait(_POLL_SECONDS)
                check()

    def request(self, step: StageRun, wanted: frozenset[str]) -> None:
        """Let a running stage release what it occupies, and wait for something else."""
        with self._changed:
            self._occupied[_key(step)] = wanted
            self._changing.add(_key(step))
            self._changed.notify_all()

    def obtained(self, step: StageRun) -> bool:
        """Whether a running stage has what it waits for by now: it is given what is free."""
        with self._changed:
            if not any(self._has_before(one, _key(step)) for one in self._running):
                self._changing.discard(_key(step))
                self._changed.notify_all()
            return _key(step) not in self._changing

    def _has_before(self, one: Key, own: Key) -> bool:
        """Whether a running stage has what another waits for, or waits for it too and is the earlier one."""
        return one != own and bool(self._occupied[one] & self._occupied[own]) and (
            one not in self._changing or self._order[one] < self._order[own])

    def stop(self) -> None:
        """Let no further stage begin."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _waiting(self, on_device: bool) -> Iterator[StageRun]:
        """The stages of one kind that have not begun, in order."""
        return (step for key, step in self._left.items() if key not in self._running
                and (not self.side_by_side or step.row.doer in _ON_DEVICE) == on_device)

    def _may_begin(self, step: StageRun) -> bool:
        if self._inputs[_key(step)] & self._left.keys():
            return False
        earlier = takewhile(lambda one: one is not step, self._left.values())
        if not self.side_by_side or step.row.stage == OPENS_TEST or self._order[_key(step)] == len(self._order) - 1:
            return next(earlier, None) is None
        return not any(self._goes_before(one, step) for one in earlier)

    def _goes_before(self, earlier: StageRun, step: StageRun) -> bool:
        """Whether a stage that has not ended needs what a later one needs, or the device in an earlier cycle."""
        needs = self._occupied[_key(earlier)]
        same_cycle = (earlier.row.phase, earlier.cycle) == (step.row.phase, step.cycle)
        return bool(needs & self._occupied[_key(step)]) or (DEVICE in needs and not same_cycle)


def _key(step: StageRun) -> Key:
    return step.row.stage, step.cycle
