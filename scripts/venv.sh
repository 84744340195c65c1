#!/bin/sh
# Makes .venv with the project (editable) and its development tools in it.  Called by `make venv` when
# pyproject.toml is newer than .venv/bin/orchestrator; doing it again brings the packages up to date.
set -eu
cd "$(dirname "$0")/.."

usable() {
    python=$(scripts/python.sh base) && "$python" -c 'import venv, ensurepip' 2>/dev/null
}

if ! [ -x .venv/bin/pip ]; then
    usable || scripts/apt.sh python3-venv || [ $? = 3 ] || exit 1
    if ! python=$(scripts/python.sh base); then
        found=$(python3 --version 2>/dev/null || echo "no Python at all")
        echo "cannot make .venv: Python 3.11 or newer is needed, and $found was found." \
            "Install one (Ubuntu 22.04: apt-get install python3.11-venv), or name it: make venv PYTHON=/path/to/python3" >&2
        exit 1
    fi
    if ! usable; then
        echo "cannot make .venv: $python lacks its venv module." \
            "Install it as root (Debian and Ubuntu: apt-get install python3-venv), then try again." >&2
        exit 1
    fi
    "$python" -m venv .venv
fi

echo "installing the project and its tools into .venv ..."
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
.venv/bin/pip install -qq --editable '.[dev]'
touch .venv/bin/orchestrator
