"""Selection of cycles to compare: keys, labels, default selection, and which cycles share a test. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from store.analysis.run_comparison import differences
from store.config_metadata import settings_of
from store.queries import ChangeRow, Run
from store.run_config import RunConfig

__all__ = ["ONCE_PER_RUN", "SelectedCycle", "differences", "differences_by_label", "first_choice", "held_out_set_names",
           "same_test", "key_of", "labels", "names_of"]

_SWITCHES = {"True": "on", "False": "off"}
ONCE_PER_RUN = ("held-out", "new-topic", "general")
"""Tiers with the same questions in all cycles of a run; training questions and paraphrases are new in each cycle."""


@dataclass(frozen=True)
class SelectedCycle:
    """One cycle of one run with its changes."""

    run: Run
    cycle: int
    changes: tuple[ChangeRow, ...]

    @property
    def label(self) -> str:
        """A label short enough for an axis; runs without a name show the end of their id."""
        name = self.run.name[:17] + "…" if len(self.run.name) > 18 else self.run.name or self.run.id[-11:]
        return f"{name} · cycle {self.cycle}"

    def row(self, metric: str, tier: str) -> ChangeRow | None:
        """The change over all topics."""
        return next((row for row in self.changes
                     if (row.metric, row.tier, row.topic) == (metric, tier, "")), None)


def key_of(run: str, cycle: int) -> str:
    """Key of a cycle in the URL."""
    return f"{run}:{cycle}"


def names_of(runs: Sequence[Run], compared: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Key of each compared cycle -> its name; runs of one name get the end of their id."""
    named = Counter(run.name for run in runs if compared.get(run.id))
    return {key_of(run.id, cycle): f"{_name_of(run, named[run.name] > 1)} · cycle {cycle}"
            for run in runs for cycle in compared.get(run.id, ())}


def _name_of(run: Run, shared: bool) -> str:
    return run.id if not run.name else f"{run.name} ({run.id[-4:]})" if shared else run.name


def first_choice(runs: Sequence[Run], compared: Mapping[str, Sequence[int]], at_most: int,
                 in_view: str = "") -> list[str]:
    """Default selection: the cycles of the run in view, of the newest run with several, or the newest cycles.

    A run in view with a single compared cycle is laid beside the newest cycle of another run.

    Args:
        runs: newest first.
        compared: run id -> its compared cycles, in order.
        in_view: id of the run that the other pages show; empty if there is none.
    """
    def keys(run: Run) -> list[str]:
        return [key_of(run.id, cycle) for cycle in compared.get(run.id, ())]

    viewed = next((run for run in runs if run.id == in_view and compared.get(run.id)), None)
    if viewed:
        others = (keys(run)[-1] for run in runs if run.id != viewed.id and compared.get(run.id))
        return keys(viewed)[-at_most:] if len(keys(viewed)) > 1 else [*keys(viewed), *islice(others, 1)]
    several = next((run for run in runs if len(keys(run)) > 1), None)
    return [key for run in ([several] if several else runs) for key in keys(run)][-at_most:]


def labels(picked: Sequence[SelectedCycle]) -> list[str]:
    """Unique labels of the cycles: the number alone if all are of one run; equal labels get the end of the run id."""
    if len({item.run.id for item in picked}) == 1:
        return [f"cycle {item.cycle}" for item in picked]
    short = [item.label for item in picked]
    return [f"{label} ({item.run.id[-4:]})" if short.count(label) > 1 else label
            for label, item in zip(short, picked, strict=True)]


def cycles_by_run(picked: Sequence[SelectedCycle]) -> list[tuple[Run, tuple[int, ...]]]:
    """Each run once, with its chosen cycles."""
    runs = {item.run.id: item.run for item in picked}
    return [(run, tuple(item.cycle for item in picked if item.run.id == run.id)) for run in runs.values()]


def differences_by_label(runs: Sequence[Run]) -> list[dict[str, str]]:
    """The settings in which the runs differ, by their labels on the launch form; switches are on or off."""
    settings = {setting.name: setting.label for setting in settings_of(RunConfig)}
    return [{name: settings.get(value.replace(" ", "_"), value) if name == "setting" else _SWITCHES.get(value, value)
             for name, value in row.items()} for row in differences(runs)]


def held_out_set_names(picked: Sequence[SelectedCycle]) -> int:
    """Number of different held-out sets; runs that have none yet are ignored."""
    return len({item.run.held_out_hash for item in picked if item.run.held_out_hash})


def same_test(picked: Sequence[SelectedCycle], tier: str) -> list[list[int]] | None:
    """Groups of positions with the same test; None for tiers whose questions are new in each cycle."""
    if tier not in ONCE_PER_RUN:
        return None
    groups: dict[str, list[int]] = {}
    for at, item in enumerate(picked):
        groups.setdefault(item.run.held_out_hash or item.run.id, []).append(at)
    return [group for group in groups.values() if len(group) > 1]
