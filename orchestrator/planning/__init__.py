"""Every decision, and nothing else.

PURE: no asyncio, no IO, no clock (`now` is an argument, in Unix seconds), so that every rule of a pod's life is tested
in microseconds.  `observed` says what is seen, `pod_plan` decides what is to be done, `ops` are the words of a plan;
`status` says the same to the user.  Imports `objects` and the engine-free rooms below it only.
"""
