#!/bin/sh
# install.sh [PREFIX]: puts the program, its units and its group in place (PREFIX: /usr/local).  With DESTDIR nothing but
# files below it is touched.  A daemon that runs goes on with what it has until it is restarted.
set -eu
cd "$(dirname "$0")/.."
. scripts/places.sh

fail() { echo "$*" >&2; exit 1; }

python=$(scripts/python.sh base) || fail "cannot install: Python 3.11 or newer is needed; name it: make install PYTHON=/path/to/python3"
python=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
mkdir -p "$lib" 2>/dev/null && [ -w "$lib" ] || fail "cannot write into $lib: run it as root, or give a PREFIX or DESTDIR of your own"

work=$(mktemp -d)
trap 'rm -rf "$work" "$home.new"' EXIT
rm -rf "$home.new"

"$python" -m venv "$work/pip" >"$work/log" 2>&1 ||
    fail "cannot install: $python lacks its venv module (Debian and Ubuntu: apt-get install python3-venv)"
# From a copy: a build leaves files beside its sources.
mkdir "$work/source"
cp -R orchestrator pyproject.toml README.md LICENSE "$work/source"
"$python" -m venv --without-pip "$home.new"
packages=$("$home.new/bin/python" -c 'import site; print(site.getsitepackages()[0])')
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
"$work/pip/bin/pip" install -q --no-warn-script-location --target "$packages" "$work/source"

rm -rf "$home.old"
[ ! -e "$home" ] || mv "$home" "$home.old"
mv "$home.new" "$home"
rm -rf "$home.old"

mkdir -p "$bin" "$units/system" "$units/user" "$groups" "$etc/specs"
printf '#!%s/lib/orchestrator/bin/python -I\nfrom orchestrator.cli.main import main\n\nmain()\n' "$prefix" >"$bin/.orchestrator.new"
chmod 755 "$bin/.orchestrator.new"
mv "$bin/.orchestrator.new" "$bin/orchestrator"
for unit in system user; do
    source=systemd/orchestrator.service
    [ $unit = system ] || source=systemd/user/orchestrator.service
    sed "s|/usr/local/bin|$prefix/bin|" "$source" >"$units/$unit/orchestrator.service"
    chmod 644 "$units/$unit/orchestrator.service"
done
install -m 644 systemd/orchestrator.sysusers "$groups/orchestrator.conf"

[ -z "$destdir" ] || exit 0
if command -v systemd-sysusers >/dev/null && [ "$(id -u)" = 0 ]; then
    systemd-sysusers "$groups/orchestrator.conf"
fi
if [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ]; then
    systemctl daemon-reload
    if systemctl is-active --quiet orchestrator.service; then
        echo "installed; the daemon still runs the version from before: systemctl restart orchestrator (pods go on running)"
        exit 0
    fi
fi
echo "installed; put specs into $etc/specs, then: systemctl enable --now orchestrator"
