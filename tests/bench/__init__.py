"""How fast, as ratios in one run: the daemon against the same containers made through the bare Engine API.

`make bench`, or `python -m tests.bench [--runs 5] [--quick]`.  A ratio of 1.00 is the engine's own floor.  Absolute
times differ from machine to machine; the two sides of a ratio are measured in turn, in the same minute.
"""
