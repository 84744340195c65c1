"""The guard of the uplink sees what it is there for: otherwise its silence would say nothing."""

import contextlib
import socket

import pytest

from tests.e2e.uplink import guarded_uplink


def test_a_packet_for_an_address_without_a_network_is_seen_and_stays() -> None:
    # Addresses for documentation (RFC 5737), which nobody has.
    with guarded_uplink("198.51.100.0/24") as uplink:
        if uplink is None:
            pytest.skip("needs root and nft")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            try:
                client.connect(("198.51.100.7", 9))
            except OSError:
                pytest.skip("this host has no route to anywhere: nothing can leave it")
            with contextlib.suppress(PermissionError):  # what a drop on the way out says to its sender
                client.send(b"?")
        assert [leak.rpartition(" ")[2] for leak in uplink.leaked()] == ["198.51.100.7"]
        assert (len(uplink.leaked(["198.51.100.0/28"])), uplink.leaked(["198.51.100.16/28"])) == (1, [])
