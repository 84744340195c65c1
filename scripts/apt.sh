#!/bin/sh
# apt.sh PACKAGE...: installs Debian packages, quietly; shows apt's own words only when it fails.
# Exit 3 when this user or this system cannot (not root, no apt): the caller knows what to advise.
set -eu

[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 3

echo "installing $* (Debian packages) ..."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "cannot install $*: apt's words are above" >&2
    exit 1
fi
