"""Find the passages that earlier runs on the same documents used, in the copies that they keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from knowledge import domain_json
from knowledge.domain import Domain
from knowledge.split_stability import Comparison, apart_from_earlier
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.sources import same_documents
from store.paths import Paths
from store.queries import Run
from store.run_config import RunConfig

COPY = "passages.json"
"""Name of the copy of its passages within a run's folder."""
MOST_STATES = 10
"""How many earlier states of the documents are compared with."""


def earlier_runs(runs: Sequence[Run], config: RunConfig) -> list[Run]:
    """The newest run for each earlier state of a configuration's documents, newest first.

    Args:
        runs: the runs of the store, newest first, without the one that is about to read.
        config: names the documents; another commit of a repository, or another archive at its place, are the same.
    """
    if config.knowledge == BUILT_IN or config.practice or config.test:
        return []  # nothing that people edit, or questions of their own, which they divide themselves
    found: dict[str, Run] = {}
    for run in runs:
        if run.knowledge_hash and not (run.config.practice or run.config.test) and _same(run.config, config):
            found.setdefault(run.knowledge_hash, run)
    return list(found.values())[:MOST_STATES]


def _same(one: RunConfig, other: RunConfig) -> bool:
    """Whether two configurations are about the same documents: by their place, or by the name that people gave."""
    named = bool(other.knowledge_name) and one.knowledge_name == other.knowledge_name
    return named or same_documents(one.knowledge, other.knowledge)


def apart_from_earlier_runs(domain: Domain, config: RunConfig, runs: Sequence[Run],
                            paths: Paths) -> tuple[Domain, Comparison | None, str]:
    """The domain without use of passages that would change sides, what changed, and since which run.

    Args:
        domain: the documents of a configuration as they are now.
        config: names them.
        runs: the runs of the store, newest first, without the one that reads.
        paths: where the runs keep their copies.
    """
    earlier = earlier_runs(runs, config)
    found, comparison = apart_from_earlier(domain, earlier_domains(earlier, paths))
    return found, comparison, earlier[0].id if comparison else ""


def earlier_domains(runs: Sequence[Run], paths: Paths) -> Iterator[Domain]:
    """The passages of runs, from their copies; a run of another machine, or without a copy, is passed over."""
    for run in runs:
        try:
            yield domain_json.from_json((paths.run(run.id) / COPY).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
