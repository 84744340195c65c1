"""How a cluster chooses a node.  One host has no choice: all of this is accepted, reported, and has no effect."""

from typing import Literal

from orchestrator.objects.meta import LabelSelector, Part


class NodeSelectorRequirement(Part, frozen=True, kw_only=True):
    """One condition on a node's label or field."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: tuple[str, ...] = ()


class NodeSelectorTerm(Part, frozen=True, kw_only=True):
    """Conditions that must all hold."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()


class NodeSelector(Part, frozen=True, kw_only=True):
    """Terms of which one must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...]


class PreferredSchedulingTerm(Part, frozen=True, kw_only=True):
    """A wish, with its weight."""

    weight: int
    preference: NodeSelectorTerm


class NodeAffinity(Part, frozen=True, kw_only=True):
    """Which nodes."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: tuple[PreferredSchedulingTerm, ...] = ()


class PodAffinityTerm(Part, frozen=True, kw_only=True):
    """Near which pods, and what near means."""

    topology_key: str
    label_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()


class WeightedPodAffinityTerm(Part, frozen=True, kw_only=True):
    """A wish, with its weight."""

    weight: int
    pod_affinity_term: PodAffinityTerm


class PodAffinity(Part, frozen=True, kw_only=True):
    """Near which pods, or away from them."""

    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = ()
    preferred_during_scheduling_ignored_during_execution: tuple[WeightedPodAffinityTerm, ...] = ()


class Affinity(Part, frozen=True, kw_only=True):
    """All wishes of a pod."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class Toleration(Part, frozen=True, kw_only=True):
    """A taint that the pod bears."""

    key: str = ""
    operator: Literal["Exists", "Equal"] | None = None
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute", ""] = ""
    toleration_seconds: int | None = None


class TopologySpreadConstraint(Part, frozen=True, kw_only=True):
    """How evenly pods are spread."""

    max_skew: int
    topology_key: str
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    label_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    min_domains: int | None = None
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    node_taints_policy: Literal["Honor", "Ignore"] | None = None


class PodResourceClaim(Part, frozen=True, kw_only=True):
    """A device that the pod claims (dynamic resource allocation)."""

    name: str
    resource_claim_name: str = ""
    resource_claim_template_name: str = ""


class PodReadinessGate(Part, frozen=True, kw_only=True):
    """A condition that someone else sets, and without which the pod is not ready."""

    condition_type: str


class PodSchedulingGate(Part, frozen=True, kw_only=True):
    """Something that must be lifted before the pod may be scheduled."""

    name: str
