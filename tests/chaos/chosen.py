"""The points that every run of the tests goes through: at least one of every operation, of each kind of plan, of each
order of journal and engine.  They are fixed by name; the whole (`make chaos`) takes minutes.
"""

STORIES = {
    # create, edit container + probe, crash + config + deadline, edit pod + pause, evict, delete
    "made": (
        "after Create subject/POD@1",
        "after BeginStop subject/main@1",
        "before KeepRestarts subject/main@1",
        "after Unpause patient/main@1",
        "",
        "before Forget subject/@1",
    ),
    "started": (
        "before PullImage patient/main@1",
        "before Signal patient/main@1",
        "after BeginStop patient/main@1",
        "after Isolate subject/@1",
        "after BeginStop patient/main@1",
        "after Signal subject/main@1",
    ),
    "hooks": (
        "after EnsureNetwork brief/@1",
        "after ResolveSubPath subject/main@1",
        "after Signal brief/main@1",
        "after Start subject/sidecar@1",
        "",
        "after RunHook subject/main@1",
    ),
    "files": (
        "before WriteHosts subject/@1",
        "after Create subject/main@1",
        "before Note brief/@1",
        "after PrepareVolume subject/secret@1",
        "",
        "before Remove subject/POD@1",
    ),
    "journal": ("after journal@5", "before journal@6", "after journal@4", "before journal@5", "", "after journal@6"),
}
"""By name: a point for each stage; "" leaves the daemon alone."""
