"""What `orchestrator doctor` looks at on this host, one file a group of checks.

Each file reads facts (`look`, dumb) and judges them (`judge`, pure, what the tests ask); `examination` has the table.
Nothing here changes anything, needs a daemon, or needs root: what cannot be looked at is said, and the rest goes on.
The command line imports this room when it is asked for; the daemon never does.
"""
