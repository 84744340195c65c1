"""NetworkPolicy: who may talk to pods, and whom they may talk to."""

from typing import Literal

from orchestrator.objects.meta import LabelSelector, Object, Part, shown
from orchestrator.objects.scalars import IntOrString
from orchestrator.objects.service import Protocol

PolicyType = Literal["Ingress", "Egress"]


class NetworkPolicyPort(Part, frozen=True, kw_only=True):
    """A port by number or by the pod's own name for it, a range of numbers, or (no port) a whole protocol."""

    protocol: Protocol = shown("TCP")
    port: IntOrString | None = None
    end_port: int | None = None


class IPBlock(Part, frozen=True, kw_only=True):
    """A network of clients or servers, without the parts of it that are excepted."""

    cidr: str
    except_: tuple[str, ...] = ()


class NetworkPolicyPeer(Part, frozen=True, kw_only=True):
    """Who: pods of the policy's own namespace, of others by their labels, or addresses."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyIngressRule(Part, frozen=True, kw_only=True):
    """One of these peers, on one of these ports; an empty list takes everyone, or every port."""

    ports: tuple[NetworkPolicyPort, ...] = ()
    from_: tuple[NetworkPolicyPeer, ...] = ()


class NetworkPolicyEgressRule(Part, frozen=True, kw_only=True):
    """To one of these peers, on one of these ports; an empty list takes everyone, or every port."""

    ports: tuple[NetworkPolicyPort, ...] = ()
    to: tuple[NetworkPolicyPeer, ...] = ()


class NetworkPolicySpec(Part, frozen=True, kw_only=True):
    """Which pods are isolated, in which direction, and what is let through all the same."""

    pod_selector: LabelSelector = shown(LabelSelector())
    policy_types: tuple[PolicyType, ...] = ()
    """Set by the defaults where the file has none."""
    ingress: tuple[NetworkPolicyIngressRule, ...] = ()
    egress: tuple[NetworkPolicyEgressRule, ...] = ()


class NetworkPolicy(Object, frozen=True, kw_only=True):
    """Isolates the pods that it selects: what no policy lets through is dropped.

    Follows https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/.
    """

    api_version: Literal["networking.k8s.io/v1"] = shown("networking.k8s.io/v1")
    kind: Literal["NetworkPolicy"] = shown("NetworkPolicy")
    spec: NetworkPolicySpec = NetworkPolicySpec()
