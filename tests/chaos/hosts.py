"""Trials in which every new runner is at another host: an empty data folder, and the artifact store of all of them.

The data folder of a killed runner is deleted. What is in the artifact store at the end must be, byte by byte, what one
host without an artifact store has in its data folder.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from runner.pipeline.shared_files import get_missing_files
from store.database import open_store
from store.event_log.journal import read_events
from store.paths import Paths
from tests.chaos import outcome
from tests.chaos.children import asked, wait
from tests.chaos.forked_processes import forked, places_in, run_the_runner
from tests.chaos.trials import Campaign, copy_trial, points_in, prepare_trial


class HostCampaign(Campaign):
    """The trials of the campaign on one host, on many."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, seed)
        self.hosts = 0
        calm = folder / "calm-elsewhere"
        copy_trial(self.calm.template, calm)
        prepare_trial(calm, [])
        paths = self.paths_of_next_runner(calm)
        code = wait(forked(lambda: run_the_runner(calm, self.calm.run, calm / "trace", paths)))
        assert code == 0, (calm / "worker.log").read_text()[-2000:]
        self.gather(calm)
        wrong = asked(lambda: outcome.faults(calm, self.calm.run, self.calm.facts, 0), folder)
        assert not wrong, wrong  # the artifact store alone changes nothing
        self.calm.points.update(points_in(calm / "trace"))

    def paths_of_next_runner(self, folder: Path) -> Paths:
        """An empty folder; that of the runner before is gone."""
        for gone in folder.glob("host-*"):
            shutil.rmtree(gone, ignore_errors=True)
        self.hosts += 1
        return Paths(folder / f"host-{self.hosts}", places_in(folder).store_url, (folder / "shared").as_uri())

    def gather(self, folder: Path) -> None:
        """Lay what the artifact store has where the data folder of one host would have it."""
        shutil.rmtree(folder / "data" / "runs", ignore_errors=True)
        faults = asked(lambda: _get_all(folder, self.calm.run), folder)
        assert not faults, faults


def _get_all(folder: Path, run: str) -> list[str]:
    paths = Paths(folder / "data", places_in(folder).store_url, (folder / "shared").as_uri())
    store = open_store(paths.store_url)
    try:
        return get_missing_files(read_events(store, run), paths, run)
    finally:
        store.close()
