"""The process that answers people's questions, as the supervisor sees it: started when one waits, ended for a run.

It is there only while no run is at work: a device does one thing at a time, and a run goes first.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runner.lifeline import end_group, is_dead
from runner.logbook import tell
from store import playground
from store.database import Store
from store.leases import device_of, is_busy
from store.locations import Locations

LOG_NAME = "answers.log"


@dataclass
class Answerer:
    """At most one such process a runner."""

    store: Store
    places: Locations
    owner: str
    lock: int
    """The owner's lock, held by the child too: an owner is dead only when both are."""
    command: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Start the process where a question waits, and bury one that has ended."""
        if self.process is not None and self.process.poll() is not None:
            self._bury(self.process.returncode)
            self.process = None  # only now: where the store failed on the way, the next look buries it again
        if self.process is None:
            self._give_up_for_the_dead()
            if playground.is_waiting(self.store) and not is_busy(self.store, device_of(self.owner)):
                self.process = self._spawn()
                tell("questions are answered", process=self.process.pid)

    def end(self) -> None:
        """End it, whatever it does; a question that it was at waits again."""
        if self.process is None:
            return
        end_group(self.process, (signal.SIGTERM, 3.0), (signal.SIGKILL, 10.0))
        self.process = None
        playground.hand_back(self.store, self.owner)
        tell("questions wait")

    def _bury(self, code: int) -> None:
        if code == 0:
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        tell("the process that answers questions died", logging.WARNING, how=how)
        log = self._log.relative_to(self.places.data)
        playground.give_up(self.store, self.owner, f"the process that answers ended with {how}; its words are in {log}")

    def _give_up_for_the_dead(self) -> None:
        for owner in playground.owners(self.store):
            if owner == self.owner or is_dead(self.places.data, owner):
                playground.give_up(self.store, owner, "the runner that answered is gone")

    @property
    def _log(self) -> Path:
        return self.places.data / "logs" / LOG_NAME

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"DATA_DIR": str(self.places.data), "STORE_URL": self.places.store_url}
        with self._log.open("wb") as output:  # of the newest process alone: the log stays small
            return subprocess.Popen([*self.command, self.owner], stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=output, env=environment, start_new_session=True, pass_fds=(self.lock,),
                                    cwd=Path(__file__).resolve().parent.parent)
