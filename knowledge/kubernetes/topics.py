"""The 20 topics of the built-in domain, and the resource kinds that belong to each.

A topic's slug is the name of its notes file (`v1.28/<slug>.md`) and its name on the command line; its kinds determine
which descriptions of the API reference belong to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


BUILT_IN = "kubernetes-1.28"
"""Configuration value of the built-in domain; any other value is a folder."""
BUILT_IN_NAME = "Kubernetes v1.28"
"""Its display name in prompts and pages."""


@dataclass(frozen=True)
class Topic:
    """One topic: `slug` identifies it, `name` is displayed, `kinds` are its API kinds."""

    slug: str
    name: str
    kinds: tuple[str, ...]


# A kind ending in * claims every kind with that beginning; an exact name wins over a prefix.
TOPICS: tuple[Topic, ...] = (
    Topic("pods", "Pods", ("Pod", "PodSpec", "PodStatus", "PodTemplate*", "Container", "EphemeralContainer*",
                           "PodIP", "PodOS", "PodDNSConfig*", "ContainerPort", "EnvVar", "EnvVarSource", "HostAlias",
                           "HostIP", "ObjectFieldSelector", "PodSecurityContext", "SecurityContext", "SeccompProfile",
                           "SELinuxOptions", "WindowsSecurityContextOptions", "Capabilities", "Sysctl")),
    Topic("deployments", "Deployments and ReplicaSets", ("Deployment*", "ReplicaSet*", "RollingUpdateDeployment",
                                                         "ReplicationController*")),
    Topic("statefulsets", "StatefulSets", ("StatefulSet*", "RollingUpdateStatefulSetStrategy", "ControllerRevision*")),
    Topic("daemonsets", "DaemonSets", ("DaemonSet*", "RollingUpdateDaemonSet")),
    Topic("jobs", "Jobs and CronJobs", ("Job*", "CronJob*", "PodFailurePolicy*", "UncountedTerminatedPods")),
    Topic("services", "Services", ("Service", "ServiceSpec", "ServiceStatus", "ServicePort", "SessionAffinityConfig",
                                   "ClientIPConfig", "Endpoint*", "EndpointSlice*", "LoadBalancer*", "PortStatus",
                                   "ForZone")),
    Topic("ingress", "Ingress", ("Ingress*", "HTTPIngress*", "ServiceBackendPort")),
    Topic("network-policies", "NetworkPolicies", ("NetworkPolicy*", "IPBlock")),
    Topic("configmaps", "ConfigMaps", ("ConfigMap*", "ConfigMapVolumeSource", "ConfigMapProjection", "EnvFromSource")),
    Topic("secrets", "Secrets", ("Secret*", "SecretVolumeSource", "SecretProjection", "LocalObjectReference")),
    Topic("volumes", "Volumes", ("Volume", "VolumeMount", "VolumeDevice", "VolumeProjection", "*VolumeSource",
                                 "KeyToPath", "DownwardAPI*", "*Projection")),
    Topic("persistent-volumes", "PersistentVolumes and StorageClasses",
          ("PersistentVolume*", "StorageClass*", "VolumeAttachment*", "VolumeNodeAffinity", "CSI*",
           "*PersistentVolumeSource", "TypedLocalObjectReference", "TypedObjectReference", "VolumeNodeResources",
           "VolumeError", "TopologySelector*")),
    # With what names an object inside its namespace, and what deletes one object along with others.
    Topic("namespaces", "Namespaces", ("Namespace*", "ObjectMeta", "OwnerReference", "DeleteOptions")),
    Topic("rbac", "RBAC", ("Role", "RoleBinding", "RoleRef", "RoleList", "ClusterRole*", "PolicyRule",
                           "AggregationRule", "Subject", "SubjectAccessReview*", "SelfSubject*",
                           "LocalSubjectAccessReview", "ResourceAttributes", "NonResourceAttributes",
                           "ResourceRule", "NonResourceRule", "SubjectRulesReview*")),
    Topic("service-accounts", "ServiceAccounts", ("ServiceAccount*", "TokenRequest*", "TokenReview*",
                                                  "BoundObjectReference", "UserInfo", "CertificateSigningRequest*")),
    Topic("scheduling", "Scheduling: taints, affinity, priority",
          ("Affinity", "NodeAffinity", "PodAffinity*", "PodAntiAffinity", "NodeSelector*", "PreferredSchedulingTerm",
           "WeightedPodAffinityTerm", "Taint", "Toleration", "TopologySpreadConstraint", "PriorityClass*",
           "PodSchedulingGate", "Scheduling", "PodDisruptionBudget*", "Eviction")),
    Topic("autoscaling", "Autoscaling", ("HorizontalPodAutoscaler*", "HPAScaling*", "Metric*", "*MetricSource",
                                         "*MetricStatus", "Scale", "ScaleSpec", "ScaleStatus",
                                         "CrossVersionObjectReference")),
    Topic("probes", "Probes and Pod lifecycle", ("Probe", "Lifecycle*", "ExecAction", "HTTPGetAction",
                                                 "TCPSocketAction", "GRPCAction", "HTTPHeader", "ContainerState*",
                                                 "ContainerStatus", "PodCondition", "PodReadinessGate")),
    Topic("resources", "Resource requests, limits and quotas",
          ("ResourceRequirements", "ResourceQuota*", "LimitRange*", "ResourceClaim", "ContainerResizePolicy",
           "ScopeSelector", "ScopedResourceSelectorRequirement", "ResourceFieldSelector", "Overhead", "RuntimeClass*",
           "PodResourceClaim*", "ClaimSource")),
    Topic("cluster-architecture", "Cluster architecture",
          ("Node", "NodeSpec", "NodeStatus", "NodeCondition", "NodeSystemInfo", "NodeAddress", "NodeDaemonEndpoints",
           "NodeConfig*", "DaemonEndpoint", "AttachedVolume", "ContainerImage", "Lease*", "APIService*",
           "ComponentStatus*", "ComponentCondition", "CustomResource*", "FlowSchema*", "PriorityLevelConfiguration*",
           "*Webhook*", "Binding", "Event", "EventSeries", "EventSource", "ObjectReference",
           "Preconditions", "LabelSelector*", "Status*",
           "RuleWithOperations", "MatchCondition", "MatchResources", "Validating*", "ValidationRule", "ParamRef",
           "ParamKind", "NamedRuleWithOperations", "ServiceReference",
           "JSONSchemaProps", "LimitedPriorityLevelConfiguration", "ExemptPriorityLevelConfiguration",
           "LimitResponse", "QueuingConfiguration", "PolicyRulesWithSubjects", "ResourcePolicyRule",
           "NonResourcePolicyRule", "FlowDistinguisherMethod")),
)

TOPIC_BY_SLUG: dict[str, Topic] = {topic.slug: topic for topic in TOPICS}


def topic_of_kind(kind: str) -> Topic | None:
    """The topic that claims an API kind, or None where no topic does.

    Exact names win; then the longest pattern with a `*` at one end or both.
    """
    for topic in TOPICS:
        if kind in topic.kinds:
            return topic
    matches = [(len(pattern), topic) for topic in TOPICS for pattern in topic.kinds if _fits(kind, pattern)]
    return max(matches, key=lambda match: match[0])[1] if matches else None


def unknown_topics(slugs: Iterable[str], known: Iterable[str] = TOPIC_BY_SLUG) -> list[str]:
    """One error message for each unknown slug, with the most similar known one; empty if all are known."""
    known = list(known)
    sentences = []
    for slug in slugs:
        if slug not in known:
            near = difflib.get_close_matches(slug, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known topics: {', '.join(known)}"
            sentences.append(f"unknown topic {slug!r}: {hint}")
    return sentences


def _fits(kind: str, pattern: str) -> bool:
    if "*" not in pattern:
        return False
    core = pattern.strip("*")
    if pattern.startswith("*") and pattern.endswith("*"):
        return core in kind
    return kind.endswith(core) if pattern.startswith("*") else kind.startswith(core)
