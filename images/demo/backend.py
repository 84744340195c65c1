"""The back end: counts the visits that come with the right token.

/         the next number; 401 without the token
/healthz  whether it works (liveness): not while the file /tmp/sick is there
/ready    whether it wants visitors (readiness): not while the file /tmp/draining is there
"""

import hmac
import itertools
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from web import Answer, serve

TOKEN = Path(os.environ["TOKEN_FILE"])
SICK = Path("/tmp/sick")
DRAINING = Path("/tmp/draining")
GREETING = Path("/tmp/greeting")

visits = itertools.count(1)


def count(headers: Mapping[str, str]) -> Answer:
    # Read each time: an edit of the Secret reaches the file while we run.
    if not hmac.compare_digest(headers.get("Authorization", "").encode(), b"Bearer " + TOKEN.read_bytes().strip()):
        return 401, "wrong token\n"
    greeting = GREETING.read_text().strip() if GREETING.exists() else "welcome"
    return 200, f"{greeting}, visitor {next(visits)} of {socket.gethostname()}\n"


def healthz(_: Mapping[str, str]) -> Answer:
    return (500, f"sick: {SICK} is there\n") if SICK.exists() else (200, "well\n")


def ready(_: Mapping[str, str]) -> Answer:
    return (503, f"draining: {DRAINING} is there\n") if DRAINING.exists() else (200, "ready\n")


serve(int(os.environ["PORT"]), {"/": count, "/healthz": healthz, "/ready": ready}, quiet=("/healthz", "/ready"))
