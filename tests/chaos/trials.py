"""Trials: a run is killed, gets disk faults or is stopped, and must still finish with the same result.

The calling process must never have opened a database: everything that does is its child.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from store import commands, queries
from store.database import open_store
from store.paths import Paths
from tests.addresses import SERVER, copy_store
from tests.chaos import outcome
from tests.chaos.children import asked, children, has_ended, send, wait
from tests.chaos.points import FAULTS, Plan, Points
from tests.chaos.forked_processes import domain, forked, places_in, run_the_runner
from tests.plain_runs import plain_run

SMALL = {"topics": ("pods", "services", "jobs"), "questions": 6, "held_out": 6, "cycles": 2, "steps": 3}
MOST_RUNNERS = 12
MISSED_AT_MOST = 100
"""A point is missed where something else was quicker, and comes again; one that no run passes a second time would
come for ever."""


@dataclass
class Tally:
    """Results of a campaign."""

    trials: int = 0
    kills: int = 0
    mishaps: int = 0
    """Faults that were raised and stops that people asked for."""
    failures: list[str] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    seconds: float = 0.0


@dataclass(frozen=True)
class Undisturbed:
    """The undisturbed run: the expected outcome, and the points that it passed."""

    template: Path
    run: str
    facts: dict[str, Any]
    points: dict[str, list[str]]
    """Role -> name of each point, in order."""
    seconds: float


def undisturbed(folder: Path) -> Undisturbed:
    """Queue the run that all trials start from, and execute one copy of it undisturbed."""
    template, calm = folder / "template", folder / "calm"
    (template / "data").mkdir(parents=True)
    run = str(asked(lambda: _launch(template), folder))
    copy_trial(template, calm)
    prepare_trial(calm, [])
    began = time.monotonic()
    code = wait(forked(lambda: run_the_runner(calm, run, trace=calm / "trace")))
    seconds = time.monotonic() - began
    assert code == 0, f"the undisturbed run ended with {code}: {(calm / 'worker.log').read_text()[-2000:]}"
    facts = asked(lambda: outcome.facts(calm, run), folder)
    assert facts["work"][0] == "finished", facts["work"]
    return Undisturbed(template, run, facts, points_in(calm / "trace"), seconds)


def points_in(trace: Path) -> dict[str, list[str]]:
    """Return the names of the points that each role passed."""
    points: dict[str, list[str]] = {"runner": [], "worker": []}
    for line in trace.read_text().splitlines():
        role, _, name = line.split(" ", 2)
        points[role].append(name)
    return points


class Campaign:
    """Runs trials, cycling through the kinds of faults and through all numbered points before repeating any."""

    def __init__(self, folder: Path, seed: int) -> None:
        domain()  # read once, inherited by every process
        self.folder, self.chance = folder, random.Random(seed)
        self.calm = undisturbed(folder)
        self.tally = Tally()
        self._turns: dict[str, list[int]] = {}

    def run(self, trials: int, tell: Callable[[str], None] = lambda _line: None) -> Tally:
        """Run `trials` trials; in a long campaign, as many more as needed to cover every point."""
        began = time.monotonic()
        for number in range(trials):
            self._one(number, tell)
        if trials >= len(self.calm.points["worker"]):
            for _ in range(len(self._turns["worker"]) + MISSED_AT_MOST):
                if self._turns["worker"]:
                    self._one(0, tell)
        self.tally.seconds = time.monotonic() - began
        return self.tally

    def _one(self, number: int, tell: Callable[[str], None]) -> None:
        kind, plan, instants, stop = self._mishaps(number)
        wrong = self._trial(plan, instants, stop)
        self.tally.trials += 1
        for fault in wrong:
            self.tally.failures.append(f"trial {self.tally.trials} ({kind} {plan}): {fault}")
            tell(self.tally.failures[-1])
        if self.tally.trials % 50 == 0:
            tell(f"{self.tally.trials} trials, {self.tally.kills} kills, {len(self.tally.failures)} failures")

    def paths_of_next_runner(self, folder: Path) -> Paths:
        """Return where the next runner of a trial works."""
        return places_in(folder)

    def gather(self, folder: Path) -> None:
        """Bring what the runners of a trial have made to its data folder."""

    def _mishaps(self, number: int) -> tuple[str, list[dict[str, Any]], list[str], str | None]:
        """Kind, what happens at points, who is killed at random instants, what a person asks."""
        chance = self.chance
        kinds: tuple[Callable[[], tuple[str, list[dict[str, Any]], list[str], str | None]], ...] = (
            lambda: ("worker", [self._at("worker", "kill")], [], None),
            lambda: ("both", [self._at("worker", "kill both")], [], None),
            lambda: ("instants", [], chance.choices(["worker", "runner", "both"], k=chance.randint(1, 3)), None),
            lambda: ("worker, again in recovery", [self._at("worker", "kill"), self._early("worker", "kill"),
                                                   self._early("worker", "kill both")], [], None),
            lambda: ("runner", [self._at("runner", "kill"), self._early("runner", "kill")], [], None),
            lambda: ("fault", [self._at("worker", chance.choice(list(FAULTS)))], [], None),
            lambda: ("worker", [self._at("worker", "kill")], ["runner"], None),
            lambda: ("stop", [self._at("worker", "kill")], [], chance.choice(["cancel", "pause"])),
        )
        return kinds[number % len(kinds)]()

    def _at(self, role: str, does: str) -> dict[str, Any]:
        """Return the next point of this role that was not covered yet."""
        turns = self._turns.get(role)
        if not turns:
            turns = self._turns[role] = list(range(1, len(self.calm.points[role]) + 1))
            self.chance.shuffle(turns)
        return {"role": role, "point": turns.pop(), "does": does}

    def _early(self, role: str, does: str) -> dict[str, Any]:
        """Return a point soon after a start, while a run is being recovered."""
        return {"role": role, "point": self.chance.randint(1, 25), "does": does}

    def _trial(self, plan: list[dict[str, Any]], instants: list[str], stop: str | None) -> list[str]:
        folder = Path(tempfile.mkdtemp(dir=self.folder, prefix="trial-"))
        shutil.rmtree(folder)
        copy_trial(self.calm.template, folder)
        prepare_trial(folder, plan)
        happenings = [partial(self._ask, folder, stop)] if stop else []
        happenings += [partial(self._kill, victim) for victim in instants]
        for _ in range(MOST_RUNNERS):
            paths = self.paths_of_next_runner(folder)
            runner = forked(lambda paths=paths: run_the_runner(folder, self.calm.run, paths=paths))  # type: ignore[misc]
            while happenings and self._after_a_while(runner, happenings[0]):
                happenings.pop(0)
            if wait(runner) == 0 and self._ended(folder):
                break
        else:
            return [f"not at its end after {MOST_RUNNERS} runners: {_tail(folder)}"]
        left = Plan(folder / "plan.json").left()
        happened = plan[:len(plan) - len(left)]
        if plan and not happened:  # something else was quicker: the point has its turn again
            self._turns[plan[0]["role"]].insert(0, plan[0]["point"])
        self.tally.kills += sum(mishap["does"].startswith("kill") for mishap in happened)
        self.tally.mishaps += sum(not mishap["does"].startswith("kill") for mishap in happened)
        self.tally.reached |= {f"{m['role']} {m['point']}" for m in happened if m["point"]}
        self.gather(folder)
        deaths = len(happened) + len(instants) + bool(stop)
        wrong: list[str] = asked(lambda: outcome.faults(folder, self.calm.run, self.calm.facts, deaths), folder)
        if not wrong:
            shutil.rmtree(folder)
        return wrong

    def _after_a_while(self, runner: int, act: Callable[[int], None]) -> bool:
        """Act at a random time within a run's duration, unless the runner exits before."""
        until = time.monotonic() + self.chance.uniform(0, self.calm.seconds)
        while time.monotonic() < until:
            if has_ended(runner):
                return False
            time.sleep(0.002)
        act(runner)
        return True

    def _kill(self, victim: str, runner: int) -> None:
        workers = [w for helper in children(runner) for w in children(helper)]
        for pid in (workers if victim != "runner" else []) + ([runner] if victim != "worker" else []):
            send(pid, signal.SIGKILL)
            self.tally.kills += 1

    def _ask(self, folder: Path, kind: str, _runner: int) -> None:
        self.tally.mishaps += 1
        wait(forked(lambda: _command(folder, kind, self.calm.run)))

    def _ended(self, folder: Path) -> bool:
        """Return whether the run is finished; resume it if it failed or was stopped."""
        work = asked(lambda: _work_of(folder, self.calm.run), folder)
        if work in ("failed", "cancelled", "paused"):
            wait(forked(lambda: _command(folder, "retry" if work == "failed" else "resume", self.calm.run)))
        return bool(work == "finished")


def launches_once(folder: Path, calm: Undisturbed) -> list[str]:
    """The dashboard's own part: killed at every point of a launch, and clicked again with the same token."""
    wrong = []
    for point in range(1, 9):
        place = folder / f"launch-{point}"
        copy_trial(calm.template, place)
        prepare_trial(place, [{"role": "dashboard", "point": point, "does": "kill"}])
        for _ in range(2):
            wait(forked(lambda place=place: _launch_killed(place)))  # type: ignore[misc]
        runs = asked(lambda place=place: _count(place), folder)  # type: ignore[misc]
        if runs != 2:  # the template's own, and this one
            wrong.append(f"killed at point {point}, a launch came to {runs - 1} runs")
    return wrong


def _launch(folder: Path) -> str:
    store = open_store(places_in(folder).store_url)
    run = commands.launch_run(store, plain_run(**SMALL), "test")
    store.close()
    return run


def _launch_killed(folder: Path) -> int:
    Points("dashboard", Plan(folder / "plan.json")).put_in()
    store = open_store(places_in(folder).store_url)
    commands.launch_run(store, plain_run(**SMALL), "dashboard", token="one click")
    return 0


def _count(folder: Path) -> int:
    return queries.count_of_runs(open_store(places_in(folder).store_url))


def _command(folder: Path, kind: str, run: str) -> int:
    try:
        commands.change_run_state(open_store(places_in(folder).store_url), kind, run)
    except commands.CommandRefused:
        return 2  # the run was quicker
    return 0


def _work_of(folder: Path, run: str) -> str:
    found = queries.find_run(open_store(places_in(folder).store_url), run)
    assert found
    return found.work


def copy_trial(template: Path, folder: Path) -> None:
    shutil.copytree(template, folder)
    if os.environ.get(SERVER):
        assert wait(forked(lambda: copy_store(template / "data", folder / "data") or 0)) == 0


def prepare_trial(folder: Path, plan: list[dict[str, Any]]) -> None:
    Plan(folder / "plan.json").write(plan)
    (folder / "worker.log").touch()
    (folder / "calls").touch()


def _tail(folder: Path) -> str:
    return (folder / "worker.log").read_text()[-1500:]


assert sys.platform == "linux", "the trials need Linux"
