"""Ask every node of the connected Ray cluster whether runs can be executed there."""

from __future__ import annotations

from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from runner.service.on_ray import node_actor
from runner.service.code_hash import ROOT, code_sha256
from runner.service.on_ray.cluster import cluster_nodes
from store.paths import Paths

ANSWER_SECONDS = 300.0
"""How long a node may take to answer; it loads torch meanwhile."""


def check_nodes(paths: Paths, written: str) -> list[dict[str, Any]]:
    """Return what each node that is alive answers, in the order of their names.

    Args:
        written: hash of an object that this host wrote to the artifact store; empty without one.
    """
    ray.cloudpickle.register_pickle_by_value(node_actor)
    ask = ray.remote(node_actor.check_node)
    names = {node.id: node.name for node in cluster_nodes() if node.alive}
    asked = {ask.options(num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(identity, False))
             .remote(str(ROOT), code_sha256(), paths.environment, written): name for identity, name in names.items()}
    ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_SECONDS)
    return sorted((_answer(reference, name) for reference, name in asked.items()), key=lambda node: str(node["node"]))


def _answer(reference: Any, name: str) -> dict[str, Any]:
    try:
        return dict(ray.get(reference, timeout=0.1))
    except RayError as error:
        return {"node": name, "problems": [f"no answer: {' '.join(str(error).split())[-300:] or type(error).__name__}"]}
