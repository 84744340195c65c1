"""How Services are reached from outside their network: the host's ports that they get, and what is told of it."""

from collections.abc import Callable, Iterable

import msgspec

from orchestrator.objects.service import (
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    is_externally_accessible,
)
from orchestrator.services import nft
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.host_ports import Granted, HostPorts
from orchestrator.state.events import EventRecorder
from orchestrator.state.store import Key, Store

RETRY_SECONDS = 5.0
"""How long to wait before a port that someone else has is asked for again."""


class Reach:
    """Asks for ports, and tells Events and the status of load balancers."""

    def __init__(
        self,
        store: Store,
        recorder: EventRecorder,
        dataplane: DataPlane,
        host_ports: HostPorts,
        host_address: Callable[[], str],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._dataplane = dataplane
        self._host_ports = host_ports
        self._host_address = host_address
        self._granted = Granted({}, ())
        self._told: set[tuple[str, str, str]] = set()

    def settle(self, services: Iterable[Service]) -> dict[nft.HostPort, nft.Door]:
        """The host's ports that these Services have now, of those that they want."""
        if self._dataplane.mode is Mode.NAMES:
            return {}
        self._granted = self._host_ports.settle(services, lambda: self._store.list("Pod"))
        return self._granted.doors

    def tell(self, services: Iterable[Service]) -> bool:
        """Tell what these Services got, once it is in the kernel; whether some port is still to be asked for again."""
        refusals = self._granted.refusals
        pending = {refusal.service for refusal in refusals if refusal.balanced}
        now: set[tuple[str, str, str]] = set()
        for service in services:
            name = f"{service.metadata.namespace}/{service.metadata.name}"
            troubles = [("PortNotAvailable", refusal.text) for refusal in refusals if refusal.service == name]
            if self._dataplane.trouble and is_externally_accessible(service.spec):
                troubles.append(("NotForwarded", f"other machines cannot reach its ports: {self._dataplane.trouble}"))
            for reason, text in troubles:
                now.add((service.metadata.uid, reason, text))
                if (service.metadata.uid, reason, text) not in self._told:
                    self._recorder.record(service, "Warning", reason, text)
            self._publish(service, served=name not in pending)
        self._told = now
        return bool(refusals)

    def _publish(self, service: Service, *, served: bool) -> None:
        """Set the status of a load balancer, and take back that of a Service which is none any more."""
        status = LoadBalancerStatus()
        if service.spec.type == "LoadBalancer" and served and self._dataplane.mode is Mode.KERNEL:
            status = LoadBalancerStatus(ingress=(LoadBalancerIngress(ip=self._host_address(), ip_mode="VIP"),))
        if service.status.load_balancer != status:
            key = Key("Service", service.metadata.namespace, service.metadata.name)
            whole = msgspec.structs.replace(service.status, load_balancer=status)
            self._store.update_status(key, service.metadata.uid, whole)
