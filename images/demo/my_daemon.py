"""Counts, and prints the count every INTERVAL seconds (3 unless set)."""

import os
import signal
import sys
import time

INTERVAL = float(os.environ.get("INTERVAL", "3"))

# PID 1 ignores SIGTERM unless it says what to do on it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

count = 0
while True:
    count += 1
    print(f"my_daemon: {count}", flush=True)
    time.sleep(INTERVAL)
