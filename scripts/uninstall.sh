#!/bin/sh
# uninstall.sh: removes what install.sh put in place.  Pods go on running; specs, claims and the journal stay.
# PURGE=1 removes the state too (journal, volumes, claims with their data), where no pod is left; never the specs.
set -eu
cd "$(dirname "$0")/.."
. scripts/places.sh

fail() { echo "$*" >&2; exit 1; }

state="$destdir/var/lib/orchestrator"
run="$destdir/run/orchestrator"

if [ -n "${PURGE:-}" ] && [ -z "$destdir" ]; then
    pods=$(docker ps -aq --filter label=orchestrator.dev/instance 2>/dev/null) ||
        fail "cannot purge: the engine does not say whether pods run; start it, then try again"
    [ -z "$pods" ] || fail "cannot purge: pods are left, and their volumes are in $state. Move the files out of $etc/specs, wait until \`orchestrator get pods -A\` shows none, then try again"
fi
if [ -z "$destdir" ] && [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ]; then
    systemctl disable --now orchestrator.service 2>/dev/null || true
fi
rm -rf "$home" "$home.new" "$home.old"
rm -f "$bin/orchestrator" "$units/system/orchestrator.service" "$units/user/orchestrator.service" "$groups/orchestrator.conf"
[ ! -d "$home" ] && [ ! -e "$bin/orchestrator" ] || fail "cannot remove all of it: run it as root"
if [ -z "$destdir" ] && [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ]; then
    systemctl daemon-reload
fi
if [ -n "${PURGE:-}" ]; then
    # One file system each: whatever is still mounted there is not ours to empty.
    rm -rf --one-file-system "$state" "$run"
    echo "removed, with its state; the specs in $etc stay"
else
    echo "removed; specs in $etc and state in $state stay, pods go on running (PURGE=1 removes the state)"
fi
