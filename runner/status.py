"""Lists for the terminal: runs, and what the knowledge base holds."""

from __future__ import annotations

import dataclasses
import json

from knowledge.domain import counts
from knowledge.opening import open_knowledge
from store import queries
from store.database import Store


def show(store: Store, json_output: bool) -> int:
    """Runs, newest first, and whether a runner is connected."""
    runs = queries.all_runs(store)
    if json_output:
        print(json.dumps([{"run": run.id, "work": run.work, "verdict": run.verdict, "sentence": run.sentence,
                           "cycle": run.cycle, "stage": run.stage, "requested_at": run.requested_at.isoformat()}
                          for run in runs]))
        return 0
    connected = queries.connected_runners(store)
    print(f"runner: {connected[0].owner}" if connected else
          "No runner is connected: start it with 'python -m runner serve'.")
    for run in runs:
        where = f"cycle {run.cycle or 0} of {run.config.cycles}, {run.stage}" if run.active and run.stage else ""
        print(f"{run.id}  {run.work:9}  {run.verdict or where or '-':16}  {run.name}")
    return 0


def show_knowledge(json_output: bool, knowledge: str) -> int:
    """Topic by topic, how many passages and questions each source gives."""
    domain = open_knowledge(knowledge)
    found = {topic: {source: dataclasses.asdict(count) for source, count in sources.items()}
             for topic, sources in counts(domain).items()}
    if json_output:
        print(json.dumps(found))
        return 0
    print(f"{domain.name}: {len(domain.passages)} passages, hash {domain.hash}")
    width = max(map(len, found)) + 2
    for topic, sources in found.items():
        print(f"{topic:{width}}" + "   ".join(f"{source}: {n['passages']} passages, {n['questions']} questions"
                                         for source, n in sources.items()))
    return 0
