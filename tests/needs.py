"""Gets what tests would fetch when they need it, for a run where no network is (`make test-engines`).

python -m tests.needs
"""

import pytest

from tests.images import find_busybox
from tests.registry import need_programs

if __name__ == "__main__":
    find_busybox()
    try:
        need_programs()
    except pytest.skip.Exception as skipped:
        # Those tests will say the same.
        print(skipped)
