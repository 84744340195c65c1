"""What somebody whom the kernel keeps from the socket is told to do."""

import pytest

from orchestrator.cli.access import Caller, Door, advice

ANN = Caller("ann", frozenset({"ann"}))


@pytest.mark.parametrize(
    ("door", "caller", "said"),
    [
        (
            Door("root", "orchestrator", True),
            ANN,
            "you are not in group orchestrator: `sudo usermod -aG orchestrator ann`",
        ),
        (
            Door("root", "orchestrator", True),
            Caller("ann", frozenset({"ann"}), frozenset({"orchestrator"})),
            "after this login: log in again, or run `newgrp orchestrator`",
        ),
        (Door("root", "root", True), ANN, "only root may use it, and you are ann"),
        (Door("bob", "bob", True), ANN, "only bob may use it, and you are ann"),
        (Door("root", "orchestrator", False), ANN, "only root may use it"),
        (None, ANN, "you may not look into its folder"),
    ],
)
def test_D08_advice_fits_whose_the_socket_is(door: Door | None, caller: Caller, said: str) -> None:
    assert said in advice(door, caller)
