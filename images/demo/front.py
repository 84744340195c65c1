"""The web front: shows a text out of a file, and what the back end says.

/         the page
/ready    whether it can show the page (readiness): not while its text is missing
"""

import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from web import Answer, serve

TEXT = Path(os.environ["PAGE_FILE"])
TOKEN = Path(os.environ["TOKEN_FILE"])
# Every container is told the address and port of each Service of its namespace in such variables.
BACKEND = f"http://{os.environ['BACKEND_SERVICE_HOST']}:{os.environ['BACKEND_SERVICE_PORT']}/"


def ask_backend() -> str:
    request = urllib.request.Request(BACKEND, headers={"Authorization": f"Bearer {TOKEN.read_text().strip()}"})
    try:
        with urllib.request.urlopen(request, timeout=1) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, OSError) as error:
        return f"is not there just now ({error})\n"


def page(_: Mapping[str, str]) -> Answer:
    return 200, f"{TEXT.read_text()}\nThe back end says: {ask_backend()}"


def ready(_: Mapping[str, str]) -> Answer:
    return (200, "ready\n") if TEXT.exists() else (503, f"{TEXT} is missing\n")


serve(int(os.environ["PORT"]), {"/": page, "/ready": ready}, quiet=("/ready",))
