#!/bin/bash
# bare.sh [JOB]...: on a bare Debian 12 made by debootstrap, unpacks the sources of this checkout (no
# git history) and does `./run JOB` for each job (default: demo test): first as a user with sudo,
# then, on another bare one, as root. Takes the mirror and the certificate authorities that this
# machine itself uses. Needs root, debootstrap, a Debian mirror and the npm registry. It takes long,
# so it is no part of ./run test.
#   WHO=root test/bare/bare.sh demo      one of the two alone
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -gt 0 ] || set -- demo test
[ "$(id -u)" -eq 0 ] || { echo "bare.sh: needs root" >&2; exit 1; }
# Mounts and processes of its own end with it.
[ "${BARE_INSIDE:-}" ] ||
    BARE_INSIDE=1 exec unshare --mount --propagation private --pid --fork --kill-child "$0" "$@"
work=$(mktemp -d)
pristine=$work/pristine
extra_ca=${NODE_EXTRA_CA_CERTS:-} # of a network with an authority of its own
mirror=${MIRROR:-$(apt-get indextargets --format '$(CODENAME) $(SITE)' 'Created-By: Packages' |
    sed -n 's/^bookworm //p' | head -1)}

finish() {
    umount -l "$work"/*/{proc,sys,dev/pts,dev/shm,dev,} 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

inside() { # BARE COMMAND...
    local bare=$1
    shift
    chroot "$bare" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
        ${extra_ca:+NODE_EXTRA_CA_CERTS=/etc/extra-ca.crt} "$@"
}

make_pristine() {
    debootstrap --variant=minbase --include=sudo bookworm "$pristine" "$mirror" >"$work/log" 2>&1 || {
        tail -5 "$work/log"
        exit 1
    }
    # What this machine knows of the network, the bare one needs too.
    cp -L /etc/resolv.conf /etc/hosts "$pristine/etc/"
    [ -z "$extra_ca" ] || install -m 644 "$extra_ca" "$pristine/etc/extra-ca.crt"
    inside "$pristine" useradd -m -s /bin/bash someone
    echo 'someone ALL=(ALL) NOPASSWD: ALL' >"$pristine/etc/sudoers.d/someone"
}

status=0
try() { # NAME OWNER FOLDER JOB...
    local name=$1 owner=$2 folder=$3 job bare=$work/$1
    shift 3
    cp -a "$pristine" "$bare"
    mount --bind "$bare" "$bare" # as a root directory is, for tests that mount
    mount -t proc proc "$bare/proc"
    mount --bind /sys "$bare/sys"
    mount --bind /dev "$bare/dev"
    mount -t devpts devpts "$bare/dev/pts"
    mount -t tmpfs tmpfs "$bare/dev/shm"
    mkdir -p "$bare$folder"
    (cd "$here" && git ls-files -z --cached --others --exclude-standard |
        tar -c --null -T - -f -) | tar -x -C "$bare$folder"
    inside "$bare" chown -R "$owner:" "$folder"
    for job in "$@"; do
        echo "== $name: ./run $job"
        # shellcheck disable=SC2086
        if inside "$bare" setpriv --reuid "$owner" --regid "$owner" --init-groups \
            env HOME="${folder%/*}" USER="$owner" bash -c "cd $folder && ./run $job"; then
            echo "== $name: ./run $job: done"
        else
            echo "== $name: ./run $job: FAILED"
            status=1
        fi
    done
    umount -l "$bare"/{proc,sys,dev/pts,dev/shm,dev,}
    rm -rf --one-file-system "$bare"
}

make_pristine
for name in ${WHO:-user root}; do
    case $name in
        user) try user someone /home/someone/kp2p "$@" ;;
        root) try root root /root/kp2p "$@" ;;
    esac
done
exit $status
