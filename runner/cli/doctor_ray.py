"""`doctor --ray`: ask every node of a Ray cluster whether runs can be executed there."""

from __future__ import annotations

import json
import os

from runner.artifact_store import open_artifact_store
from runner.cli.serve import check_ray
from runner.errors import UserError
from runner.service.cluster_options import JOB_SCHEMES, require_token
from store.paths import Paths

_SHOWN = ("data folder", "gpu", "cores", "faster precision", "python", "ray")


def examine_cluster(address: str, paths: Paths, json_output: bool) -> int:
    """Print what each node has; exit code 1 if runs would fail at one.

    Raises:
        UserError: the cluster cannot be reached, or the address cannot be used.
        ArtifactStoreError: the artifact store cannot be written from here.
    """
    if address.startswith(JOB_SCHEMES):
        raise UserError("doctor asks the nodes themselves: use --ray auto, with RAY_ADDRESS=HEAD:6379 on another host")
    check_ray(address, paths)
    require_token()
    from runner.service.on_ray.checks import check_nodes
    from runner.service.on_ray.cluster import connect

    connect(address)
    artifacts = open_artifact_store(paths.artifacts)
    written = artifacts.store_bytes(os.urandom(64)) if artifacts else ""
    try:
        nodes = check_nodes(paths, written)
    finally:
        if artifacts:
            artifacts.delete(written)
    wrong = [f"{node['node']}: {problem}" for node in nodes for problem in node["problems"]]
    if not artifacts and len(nodes) > 1:
        wrong.append("nodes share no files: a run that another node takes over starts anew, unless ARTIFACTS names an "
                     "artifact store or all nodes mount one DATA_DIR")
    if json_output:
        print(json.dumps({"nodes": nodes, "problems": wrong}))
        return 1 if wrong else 0
    for node in nodes:
        print(node["node"])
        for key in _SHOWN:
            if key in node:
                print(f"  {key:18} {node[key]}")
    print(f"problems: {'; '.join(wrong)}" if wrong else
          f"OK: {len(nodes)} {'nodes' if len(nodes) > 1 else 'node'} can execute runs; the cluster asks for a token")
    return 1 if wrong else 0
