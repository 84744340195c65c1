#!/bin/sh
# Sees to it that a container engine answers.  Quiet when one does.  Otherwise, as root on Debian or Ubuntu, installs
# docker.io and starts it: by systemd where that runs the machine, else by itself, with its log in $log.
set -eu
cd "$(dirname "$0")/.."

log=/var/log/dockerd.log
pid_file=/var/run/docker.pid        # the engine's own
started=/var/run/orchestrator-engine.pid  # ours: .ci/run ends the engine that it names
start_seconds=60

fail() { echo "$*" >&2; exit 1; }
ping() { "$python" -m scripts.docker_api ping; }
running() { [ -r "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null; }
root_on_debian() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# wait_for PID: until the engine answers, or the process PID has ended, or it has taken too long.
wait_for() {
    tries=$((start_seconds * 5))
    until ping 2>/dev/null; do
        tries=$((tries - 1))
        if [ "$tries" = 0 ] || ! kill -0 "$1" 2>/dev/null; then
            return 1
        fi
        sleep 0.2
    done
}

python=$(scripts/python.sh) || fail "cannot look for a container engine: Python 3.11 or newer is needed; run: make venv"

# Services need nft and ip on the host, whoever runs the engine; conntrack, to forget UDP flows to pods that are gone.
if root_on_debian && ! { command -v nft && command -v ip && command -v conntrack; } >/dev/null; then
    scripts/apt.sh nftables iproute2 conntrack
fi

status=0
why=$(ping 2>&1) || status=$?
[ "$status" != 0 ] || exit 0
[ "$status" != 3 ] || fail "$why. Run this as root, or join the socket's group (usermod -aG docker \$USER) and log in again."
case ${DOCKER_HOST:-} in
    "" | unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
    *) fail "$why. DOCKER_HOST names that engine: start it, or unset DOCKER_HOST to use this machine's." ;;
esac
if ! root_on_debian; then
    if command -v dockerd >/dev/null; then
        fail "$why. Docker is installed: start it (sudo systemctl start docker), then try again."
    fi
    fail "$why. Install Docker Engine 20.10 or newer and start it (Debian, Ubuntu: sudo apt-get install docker.io), then try again."
fi

command -v dockerd >/dev/null || scripts/apt.sh docker.io nftables iproute2 conntrack

if [ -d /run/systemd/system ]; then
    echo "starting the container engine (systemctl start docker) ..."
    systemctl start docker || fail "cannot start Docker: see journalctl -u docker"
    wait_for 1 || fail "cannot use Docker: started, but it does not answer after $start_seconds s: see journalctl -u docker"
    exit 0
fi

if ! grep -qE '^[^ ]+ [^ ]+ cgroup2? ' /proc/mounts; then
    scripts/apt.sh cgroupfs-mount
    cgroupfs-mount
fi
if ! running; then # the package's own script may have started it already
    echo "starting the container engine (dockerd, log in $log) ..."
    setsid dockerd >>"$log" 2>&1 </dev/null &
    echo $! >"$started"
    engine=$!
else
    engine=$(cat "$pid_file")
fi
if ! wait_for "$engine"; then
    tail -n 15 "$log" >&2
    fail "cannot start Docker: dockerd's last words are above, all of them in $log"
fi
