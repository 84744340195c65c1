from typing import Any

from orchestrator.cli.describe_objects import describe_object

META = {"name": "db", "namespace": "shop", "labels": {"a": "b"}}
FROM: list[dict[str, Any]] = [
    {"ipBlock": {"cidr": "172.17.0.0/16", "except": ["172.17.1.0/24"]}},
    {"namespaceSelector": {"matchLabels": {"project": "x"}}},
    {"podSelector": {"matchLabels": {"role": "front"}}, "namespaceSelector": {}},
]


def described(**spec: Any) -> str:
    return describe_object({"kind": "NetworkPolicy", "metadata": META, "spec": spec}, [], 0)


def test_a_policy_reads_as_kubectls() -> None:
    ports = [{"protocol": "TCP", "port": 6379}, {"protocol": "UDP", "port": 32000, "endPort": 32768}]
    spec = {
        "podSelector": {"matchLabels": {"role": "db"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": FROM, "ports": ports}, {}],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"port": "dns"}]}],
    }
    assert (
        described(**spec)
        == """\
Name:         db
Namespace:    shop
Created on:
Labels:       a=b
Annotations:  <none>
Spec:
  PodSelector:     role=db
  Allowing ingress traffic:
    To Port: 6379/TCP
    To Port: 32000-32768/UDP
    From:
      IPBlock:
        CIDR: 172.17.0.0/16
        Except: 172.17.1.0/24
    From:
      NamespaceSelector: project=x
    From:
      NamespaceSelector: <none>
      PodSelector: role=front
    ----------
    To Port: <any> (traffic allowed to all ports)
    From: <any> (traffic not restricted by source)
  Allowing egress traffic:
    To Port: dns/TCP
    To:
      IPBlock:
        CIDR: 10.0.0.0/24
        Except:
  Policy Types: Ingress, Egress
Events:  <none>"""
    )


def test_isolation_alone() -> None:
    text = described(podSelector={}, policyTypes=["Egress"])
    assert "  PodSelector:     <none> (Allowing the specific traffic to all pods in this namespace)\n" in text
    assert "  Not affecting ingress traffic\n" in text
    assert "    <none> (Selected pods are isolated for egress connectivity)\n  Policy Types: Egress\n" in text
