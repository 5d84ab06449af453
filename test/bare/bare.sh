#!/bin/bash
# bare.sh [JOB]...: unpacks the sources of this checkout (no git history) on a bare Debian 12 made
# by debootstrap, and there does `./run JOB` for each job, as root and then as a user with sudo.
# Default jobs: demo test. Needs root, debootstrap, a Debian mirror and the npm registry; takes
# long, so it is no part of ./run test. Removes the bare system at the end unless KEEP=1.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
bare=${BARE:-$(mktemp -d)}
[ $# -gt 0 ] || set -- demo test
[ "$(id -u)" -eq 0 ] || { echo "bare.sh: needs root" >&2; exit 1; }

# The mirror that this machine itself uses.
mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
    grep -v security | head -1)}
extra_ca=${NODE_EXTRA_CA_CERTS:-} # a network with an authority of its own

unmount() {
    umount -l "$bare/proc" "$bare/sys" "$bare/dev/pts" "$bare/dev/shm" "$bare/dev" 2>/dev/null || true
}
finish() {
    unmount
    [ "${KEEP:-0}" = 1 ] || rm -rf --one-file-system "$bare"
}
trap finish EXIT

inside() {
    chroot "$bare" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
        ${extra_ca:+NODE_EXTRA_CA_CERTS=/etc/extra-ca.crt} "$@"
}

if [ ! -x "$bare/usr/bin/apt-get" ]; then
    debootstrap --variant=minbase bookworm "$bare" "$mirror" >"$bare.log" 2>&1 ||
        { tail -5 "$bare.log"; exit 1; }
fi
for folder in proc sys dev dev/pts; do mount --bind "/$folder" "$bare/$folder"; done
mountpoint -q "$bare/dev/shm" || mount -t tmpfs tmpfs "$bare/dev/shm"

# What this machine knows of the network and its mirrors, the bare one needs too.
cp -L /etc/resolv.conf /etc/hosts "$bare/etc/"
[ -e /etc/apt/apt.conf.d ] && grep -lis 'proxy' /etc/apt/apt.conf.d/* | xargs -r cp -t "$bare/etc/apt/apt.conf.d/"
[ -z "$extra_ca" ] || install -m 644 "$extra_ca" "$bare/etc/extra-ca.crt"

unpack() { # OWNER FOLDER
    rm -rf "${bare:?}$2"
    mkdir -p "$bare$2"
    (cd "$here" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T - -f -) |
        tar -x -C "$bare$2"
    inside chown -R "$1:" "$2"
}

status=0
report() { # WORDS COMMAND...
    local words=$1
    shift
    echo "== $words"
    if "$@"; then echo "== $words: done"; else
        echo "== $words: FAILED"
        status=1
    fi
}

unpack root /root/kp2p
for job in "$@"; do
    # shellcheck disable=SC2086
    report "root: ./run $job" inside bash -c "cd /root/kp2p && ./run $job"
done

inside bash -c 'apt-get -qq update && apt-get -qq -y install --no-install-recommends sudo' >/dev/null 2>&1
inside useradd -m -s /bin/bash someone 2>/dev/null || true
echo 'someone ALL=(ALL) NOPASSWD: ALL' >"$bare/etc/sudoers.d/someone"
unpack someone /home/someone/kp2p
for job in "$@"; do
    # shellcheck disable=SC2086
    report "a user with sudo: ./run $job" \
        inside setpriv --reuid someone --regid someone --init-groups env HOME=/home/someone USER=someone \
        bash -c "cd ~/kp2p && ./run $job"
done
exit $status
