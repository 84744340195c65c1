"""Documents as YAML or JSON text, as `-o yaml` and `-o json` print them."""

import json
from typing import Any

Document = dict[str, Any]


def to_json(document: Any) -> str:
    """Give JSON with kubectl's indent."""
    return json.dumps(document, indent=4, ensure_ascii=False)


def to_yaml(document: Any) -> str:
    """Give YAML that reads as the same document, with block scalars for text of several lines."""
    import yaml

    from orchestrator.sources.scalars import resolve

    class Dumper(yaml.CSafeDumper):
        """Our own, so that its representers are nobody else's."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
        style = None
        if not value.replace("\n", "").replace("\t", "").isprintable():
            style = '"'  # as it is, U+2028 would be read as the end of a line
        elif "\n" in value:
            style = "|"
        elif not isinstance(resolve(value), str):
            style = "'"  # PyYAML leaves "1e3" bare, which Kubernetes reads as a number
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump(
        document, Dumper=Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1_000_000
    )
    # One line end: whoever prints adds it again, and those of a last block of text are part of it.
    return dumped.removesuffix("\n")


def as_list(items: list[Document]) -> Document:
    """Give several objects as one `List`."""
    return {"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}}


def bare_name(document: Document) -> str:
    """Give "pod/web" or "networkpolicy.networking.k8s.io/web", as `-o name` prints it."""
    group, dot, _ = document["apiVersion"].rpartition("/")
    return f"{document['kind'].lower()}{dot and '.'}{group}/{document['metadata']['name']}"
