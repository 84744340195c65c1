"""Runs the lifecycle hooks of one pod: one task each, so that the worker sees what happens meanwhile.

The plan says which hook begins; how it went is kept in the pod's memory, and the worker looks again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.node.handlers import Handlers
from orchestrator.node.memory import PodMemory
from orchestrator.objects.container import Container
from orchestrator.planning.observed import Hook, HookState, Observed
from orchestrator.planning.ops import EventNote, RunHook

_AGAIN = 0.2
"""Seconds before the plan hears of a hook that could not be run, and begins it again."""
_TITLES = {"postStart": "PostStartHook", "preStop": "PreStopHook"}


@dataclass(frozen=True, slots=True)
class HookTarget:
    """What a hook runs against: the container's spec and the pod's address."""

    container: Container
    ip: str


class PodHooks:
    """The running hooks of one pod, by container id and kind."""

    def __init__(
        self,
        handlers: Handlers,
        memory: PodMemory,
        clock: Callable[[], float],
        target: Callable[[RunHook], HookTarget | None],
        tell: Callable[[EventNote, str], None],
        wake: Callable[[], None],
    ) -> None:
        """`tell` takes an Event and the engine id of the container it is about; `wake` makes the worker look."""
        self._handlers = handlers
        self._memory = memory
        self._clock = clock
        self._target = target
        self._tell = tell
        self._wake = wake
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    def begin(self, op: RunHook, tasks: asyncio.TaskGroup) -> None:
        """Run a hook in the background, as one of `tasks`."""
        self._keep(op, Hook(HookState.RUNNING, since=self._clock()))
        self._running[op.target, op.kind] = tasks.create_task(self._run(op), name=f"{op.kind} of {op.name}")

    def end_orphans(self, observed: Observed) -> None:
        """A postStart hook has no time limit of its own, but none outlives its container."""
        for key in [key for key, task in self._running.items() if task.done()]:
            del self._running[key]
        alive = {container.id for container in observed.containers if container.alive}
        for key in [key for key in self._running if key[1] == "postStart" and key[0] not in alive]:
            self._running.pop(key).cancel()

    def end_all(self) -> None:
        """Nothing is left that a hook could be of."""
        for hook in self._running.values():
            hook.cancel()
        self._running.clear()

    async def _run(self, op: RunHook) -> None:
        target = self._target(op)
        lifecycle = target.container.lifecycle if target else None
        hook = lifecycle and (lifecycle.post_start if op.kind == "postStart" else lifecycle.pre_stop)
        if target is None or not hook:
            return
        outcome = await self._handlers.hook(hook, target.container, op.target, target.ip, op.seconds)
        if outcome.unknown:
            # It could not be run (the engine went away): the plan begins it again, not at once.
            await asyncio.sleep(_AGAIN)
            (self._memory.post_starts if op.kind == "postStart" else self._memory.pre_stops).pop(op.target, None)
            self._wake()
            return
        if not outcome.ok:
            title = _TITLES[op.kind]
            text = f"{title} failed: {outcome.output}" if outcome.output else f"{title} failed"
            self._tell(EventNote("Warning", f"Failed{title}", text, op.name), op.target)
        self._keep(op, Hook(HookState.SUCCEEDED if outcome.ok else HookState.FAILED, outcome.output))
        self._wake()

    def _keep(self, op: RunHook, hook: Hook) -> None:
        if op.kind == "postStart":
            self._memory.keep_post_start(op.target, hook)
        else:
            self._memory.keep_pre_stop(op.target, hook)
