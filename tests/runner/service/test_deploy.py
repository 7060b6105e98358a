"""The Kubernetes manifests: core kinds against Kubernetes' own schemas, and all of them against each other.

KubeRay's kinds have no schema here: that RayCluster and RayJob are what its operator takes is not tested.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from runner.cli.main import parser

FOLDER = Path(__file__).resolve().parents[3] / "runner" / "service" / "deploy"
KUBERNETES = "1.33"
OF_KUBERAY = {"RayCluster", "RayJob"}


def documents() -> list[dict[str, Any]]:
    """Every object of the kustomization, in its order."""
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in FOLDER.glob("*.yaml")}
    return [document for name in listed for document in yaml.safe_load_all((FOLDER / name).read_text())]


def pods() -> dict[str, dict[str, Any]]:
    """The pod templates, by the object and group that they are of."""
    found = {}
    for document in documents():
        if document["kind"] == "Deployment":
            found[document["metadata"]["name"]] = document["spec"]["template"]
        if document["kind"] == "RayCluster":
            found["head"] = document["spec"]["headGroupSpec"]["template"]
            found |= {group["groupName"]: group["template"] for group in document["spec"]["workerGroupSpecs"]}
    return found


@pytest.mark.parametrize("document", [one for one in documents() if one["kind"] not in OF_KUBERAY],
                         ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_core_kinds_are_what_kubernetes_takes(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.parametrize("pod", pods())
def test_pods_of_kuberays_kinds_are_pods(pod: str) -> None:
    template = pods()[pod]
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, **template["metadata"]},
            "spec": template["spec"]}
    kubernetes_validate.validate(body, KUBERNETES, strict=True)


def test_a_wrong_manifest_is_found() -> None:
    document = next(one for one in documents() if one["kind"] == "Deployment")
    document["spec"]["template"]["spec"]["containers"][0]["port"] = 8501
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_one_image_serves_all_and_no_secret_is_in_a_manifest() -> None:
    images = {container["image"] for pod in pods().values() for container in pod["spec"]["containers"]}
    assert images == {"distillation"}
    kinds = {document["kind"] for document in documents()}
    assert "Secret" not in kinds and kinds > OF_KUBERAY
    settings = next(document["data"] for document in documents() if document["kind"] == "ConfigMap")
    assert settings["RAY_AUTH_MODE"] == "token" and "@" in settings["STORE_URL"]
    assert not {"PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"} & set(settings)


def test_every_pod_is_behind_the_network_policy_and_nodes_are_made_when_needed() -> None:
    policy = next(one for one in documents() if one["metadata"]["name"] == "ray-from-own-pods")
    selected = policy["spec"]["podSelector"]["matchLabels"]
    assert all(selected.items() <= pod["metadata"]["labels"].items() for pod in pods().values())
    cluster = next(one["spec"] for one in documents() if one["kind"] == "RayCluster")
    assert cluster["authOptions"] == {"mode": "token"} and cluster["enableInTreeAutoscaling"]
    assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    assert [group["minReplicas"] for group in cluster["workerGroupSpecs"]] == [0, 0]
    assert all(pod["spec"]["restartPolicy"] == "Never" for name, pod in pods().items() if name != "dashboard")


def test_the_commands_of_pods_exist() -> None:
    job = next(one["spec"] for one in documents() if one["kind"] == "RayJob")
    assert job["clusterSelector"] == {"ray.io/cluster": "runs"}
    served = job["entrypoint"].partition(" -m runner ")[2].split()
    shown = pods()["dashboard"]["spec"]["containers"][0]["command"]
    assert shown[:3] == ["python", "-m", "runner"]
    for arguments in (served, shown[3:]):
        parser(arguments[:1]).parse_args(arguments)  # exits where an option does not exist
