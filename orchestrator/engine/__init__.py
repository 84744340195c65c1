"""The container engine behind one Protocol.

`base` says what an engine can do, `docker` does it through aiodocker, `simulated` does it in memory.  Both pass
tests/contract.  Rooms above import `base` only; `app` picks the engine.  Dicts of the engine's API never leave
this package: they become the frozen dataclasses of `base` in `docker_convert`.
"""
