"""From the engine's words to the plan's: one container as a plan sees it."""

from orchestrator.engine.base import Container
from orchestrator.planning import labels
from orchestrator.planning.observed import SeenContainer


def seen_container(container: Container) -> SeenContainer:
    """What the plan needs of a container that bears our labels."""
    own = container.labels
    return SeenContainer(
        id=container.id,
        name=own.get(labels.CONTAINER, ""),
        uid=own.get(labels.UID, ""),
        attempt=int(own.get(labels.ATTEMPT, "0")),
        digest=own.get(labels.HASH, ""),
        image=container.image,
        image_id=container.image_id,
        phase=container.phase,
        pid=container.pid,
        exit_code=container.exit_code,
        oom_killed=container.oom_killed,
        error=container.error,
        created_at=container.created_at,
        started_at=container.started_at,
        finished_at=container.finished_at,
        config=own.get(labels.CONFIG, ""),
        joined=container.joined,
        ip=next((address for address in container.addresses.values() if address), ""),
    )
