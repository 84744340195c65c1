"""Which ports of the host may be node ports: the API server's rule, for whatever range a daemon was given."""

from orchestrator.objects.problem import FieldPath, Problem, invalid

NODE_PORTS = range(30000, 32768)
"""Those of every cluster that was not told otherwise."""


def parse_range(text: str) -> range:
    """The ports of "30000-32767", or of "30000+2767" as Kubernetes also writes it.  ValueError for others."""
    first, sign, last = text.partition("+") if "+" in text else text.partition("-")
    if first.strip().isdecimal() and last.strip().isdecimal():
        start, end = int(first), int(last) + (int(first) if sign == "+" else 0)
        if 1 <= start <= end <= 65535:
            return range(start, end + 1)
    raise ValueError(
        f'cannot use the node port range "{text}": give the first and the last port, such as {range_text(NODE_PORTS)}'
    )


def range_text(ports: range) -> str:
    """The ports as `parse_range` reads them: "30000-32767"."""
    return f"{ports[0]}-{ports[-1]}"


def out_of_range(path: FieldPath, port: int, ports: range = NODE_PORTS) -> Problem:
    """The error of a nodePort that is none of `ports`."""
    rule = f"provided port is not in the valid range. The range of valid ports is {range_text(ports)}"
    return invalid(path, port, rule)


def already_allocated(path: FieldPath, port: int, holder: str) -> Problem:
    """The error of a nodePort that another Service has; `holder` says which."""
    return invalid(path, port, f"provided port is already allocated, to {holder}")
