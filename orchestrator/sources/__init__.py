"""Where desired objects come from: YAML and JSON files, read strictly, watched for edits.

`yaml_parse` turns bytes into plain values and remembers where each stood.  `files` finds spec files and reads them
safely.  `yaml_loader` decodes them, and gives every problem its place.  `settle` (pure) decides what an edit means:
what is broken keeps its last good version, and nothing vanishes by accident.  `last_good` and its files have those
versions outlive the daemon; `beginning` (pure) decides what they count at a start.  `watcher` joins them to the file
system.

Always true here: no input can hang, crash or exhaust the process; bad input is a problem with a place, never an
exception.  This room must not import the API, the node or the services.
"""
