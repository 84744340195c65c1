"""Carries out plans: one worker a pod, an executor without opinions, probers and hooks that only report.

`manager` gives every pod a `worker`; the worker observes, asks `planning.pod_plan`, and hands the operations to the
`executor`.  Nothing here decides; nothing here imports api, sources, services or controllers.
"""
