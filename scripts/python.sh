#!/bin/sh
# Prints the Python (3.11 or newer) to use: the virtual environment's, else the machine's.
# `python.sh base` leaves the virtual environment out.  Exit 1 and nothing printed when there is none.
set -eu

first=.venv/bin/python
[ "${1-}" != base ] || first=

for python in $first ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if path=$(command -v "$python") && "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$path"
        exit 0
    fi
done
exit 1
