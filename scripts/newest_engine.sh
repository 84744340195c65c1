#!/bin/sh
# newest_engine.sh COMMAND...: runs COMMAND on a machine like this one whose container engine is Debian's newest.
#
# The machine is a set of namespaces of this one, and ends with COMMAND, whose exit code this script gives.  Its engine is at
# the usual places (/run, /var/lib/docker, /etc/docker), which are its own there; its network leads nowhere.  The engine is
# unpacked, not installed: runc, docker-init and iptables are this machine's.  SUITE=trixie takes that release's instead;
# ENGINE_CONFIG is its daemon.json, by default {}.
set -eu

suite=${SUITE:-sid}
packages="docker.io docker-cli containerd"
config=${ENGINE_CONFIG:-"{}"}
start_seconds=60
folder=${XDG_CACHE_HOME:-$HOME/.cache}/orchestrator/engines/$suite
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() { echo "$*" >&2; exit 1; }

# --- before: the engine's files, once ---

mirror() {
    found=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
    [ -n "$found" ] || found=$(sed -n 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*main.*/\2/p' /etc/apt/sources.list 2>/dev/null | head -n 1)
    echo "${found:-http://deb.debian.org/debian}"
}

# fetch FOLDER: apt with lists of its own, so that this machine's know nothing of the other release.
fetch() (
    mkdir -p "$1/apt/lists/partial" "$1/apt/archives/partial" "$1/debs" "$1/root"
    cd "$1/debs"
    : >../apt/status
    echo "deb [signed-by=$keyring] $(mirror) $suite main" >../apt/sources
    cat >../apt/conf <<CONF
Dir::State "$1/apt"; Dir::State::status "$1/apt/status"; Dir::Cache "$1/apt";
Dir::Etc::sourcelist "$1/apt/sources"; Dir::Etc::sourceparts "-"; APT::Sandbox::User "root";
CONF
    export APT_CONFIG="$1/apt/conf"
    apt-get -q -o APT::Update::Error-Mode=any update && apt-get -q download $packages || exit 1
    for package in *.deb; do dpkg-deb -x "$package" ../root || exit 1; done
)

unpack() {
    echo "unpacking Debian $suite's container engine into $folder ..."
    rm -rf "$folder/new" "$folder/engine"
    if ! fetch "$folder/new" >"$folder/log" 2>&1 </dev/null; then
        tail -n 5 "$folder/log" >&2
        fail "cannot get the container engine of Debian $suite from $(mirror): apt's last words are above. Is there a network?"
    fi
    mv "$folder/new/root" "$folder/engine"
    rm -rf "$folder/new"
}

enter() {
    . /etc/os-release
    [ "$(id -u)" = 0 ] || fail "cannot run another container engine: that takes root, for namespaces and mounts of its own"
    [ "$ID" = debian ] && [ -r "$keyring" ] && command -v apt-get >/dev/null ||
        fail "cannot run another container engine: it is made from Debian's packages, and this is ${PRETTY_NAME:-$ID}"
    for program in runc docker-init iptables ip nft unshare; do
        command -v $program >/dev/null || fail "cannot run another container engine: it needs this machine's $program; run: make engine"
    done
    mkdir -p "$folder"
    # One at a time: its containers lie in one folder.  The lock is held until the last process has gone.
    exec 9>"$folder/lock"
    flock -n 9 || { echo "waiting for another run with this engine to end ..."; flock 9; }
    [ -x "$folder/engine/usr/sbin/dockerd" ] || unpack
    rm -rf "$folder/data"
    mkdir "$folder/data"
    exec unshare --net --mount --pid --fork --kill-child --mount-proc sh "$0" --inside "$@"
}

# --- inside: the first process of the other machine ---

furnish() {
    # What is known of the network interfaces (/sys/class/net) is that of the namespace in which /sys is mounted.
    mkdir -p "$folder/cgroup" /var/lib/docker /etc/docker
    mount --rbind /sys/fs/cgroup "$folder/cgroup"
    mount -t sysfs none /sys
    mount --move "$folder/cgroup" /sys/fs/cgroup
    names=$(cat /etc/resolv.conf 2>/dev/null || true)
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir /run/lock
    # It may have been a link into /run.
    [ -e /etc/resolv.conf ] || { mkdir -p "$(dirname "$(readlink -m /etc/resolv.conf)")"; echo "$names" >/etc/resolv.conf; }
    mount -t tmpfs -o mode=755 tmpfs /etc/docker
    echo "$config" >/etc/docker/daemon.json
    mount --bind "$folder/data" /var/lib/docker
    # As on a host: what is mounted later is seen in the mount namespaces of containers that ask for it.
    mount --make-rshared /

    ip link set lo up
    # A way out, as a host has, that ends at once: nothing leaves.
    ip link add uplink type veth peer name nowhere
    ip address add 192.0.2.2/24 dev uplink
    ip link set uplink up
    ip link set nowhere up
    ip route add default via 192.0.2.1
    PATH=$folder/engine/usr/bin:$folder/engine/usr/sbin:$folder/engine/usr/libexec/docker:$PATH
    unset DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG DOCKER_API_VERSION DOCKER_TLS_VERIFY
}

wait_for_engine() {
    tries=$((start_seconds * 5))
    until docker version >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ "$tries" = 0 ] || ! kill -0 "$1" 2>/dev/null; then
            tail -n 15 "$folder/log" >&2
            fail "cannot start Debian $suite's container engine: dockerd's last words are above, all of them in $folder/log"
        fi
        sleep 0.2
    done
}

run() {
    furnish
    # In a session of its own: Ctrl-C ends the command, which needs the engine to tidy up.
    setsid dockerd >"$folder/log" 2>&1 </dev/null 9>&- &
    engine=$!
    wait_for_engine $engine
    docker version --format 'Docker Engine {{.Server.Version}} (API {{.Server.APIVersion}}), in namespaces of its own:'
    # This shell outlives the command, whatever the terminal sends to both.
    trap : INT TERM
    code=0
    "$@" 9>&- || code=$?
    kill $engine
    wait $engine || true
    rm -rf "$folder"/data/*
    exit $code
}

case ${1-} in
    "") fail "newest_engine.sh COMMAND..." ;;
    --inside) shift; run "$@" ;;
    *) enter "$@" ;;
esac
