"""The command line: one file a verb, each a thin client of the daemon's socket and of nothing else, but for a few.

It must start fast, so a verb is imported only when it is called, and none imports aiohttp.  `run`, `validate`, `schema`
and `doctor` work without a daemon; they import what they need when they are called.  What a verb prints is made by pure
functions from documents (`table_text`, `describe_*`), so it is tested without a terminal.
"""
