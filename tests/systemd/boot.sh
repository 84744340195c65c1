#!/bin/sh
# boot.sh LAYERS WORK: becomes the first process of a machine: systemd on an overlay of LAYERS, changes in memory.
# Run in new namespaces (mount, uts, ipc, net, pid, cgroup) by tests/systemd/machine.py.
set -eu
layers=$1 work=$2
root=$work/root

mount --make-rprivate /
mkdir -p "$root" "$work/memory"
mount -t tmpfs -o size=3g tmpfs "$work/memory"
mkdir "$work/memory/upper" "$work/memory/work" "$work/memory/docker"
mount -t overlay overlay -o "lowerdir=$layers,upperdir=$work/memory/upper,workdir=$work/memory/work" "$root"

mount -t proc proc "$root/proc"
# The kernel's settings are everybody's; those of the network are the machine's own.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty kmsg; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# The engine lays its own overlays, which cannot lie on one.
mkdir -p "$root/var/lib/docker"
mount --bind "$work/memory/docker" "$root/var/lib/docker"

# Control groups as the host has them, from this machine's own group down.
host_groups=$(grep ' /sys/fs/cgroup' /proc/self/mounts | grep '^cgroup')
case $host_groups in
    *"cgroup "*) mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup" ;;
esac
echo "$host_groups" | while read -r _ point kind options _; do
    mkdir -p "$root$point"
    case $kind in
        cgroup) mount -t cgroup -o "$(echo "$options" | sed -E 's/(^|,)(rw|relatime|nosuid|nodev|noexec)//g; s/^,//')" cgroup "$root$point" ;;
        cgroup2) mount -t cgroup2 cgroup2 "$root$point" ;;
    esac
done

hostname machine
ip link set lo up
mkdir "$root/.old"
cd "$root"
pivot_root . .old
umount -l /.old
rmdir /.old
# As on a host: what is mounted in one mount namespace is seen in those that were made from it.
mount --make-rshared /
exec env -i container=orchestrator-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd >/boot.log 2>&1 </dev/null
