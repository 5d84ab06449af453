#!/bin/bash
# deb.sh BUILD OUT [LEVEL]: packages of the commands that are built in BUILD and of the Python package, into
# the folder OUT: kp2p_VERSION_ARCH.deb and python3-kachery-p2p_VERSION_all.deb. Prints their paths.
# LEVEL is of their compression, 0 to 9.
set -eu
build=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
level=${3:-6}
cd "$(dirname "$0")/.."

maintainer='kp2p maintainers <maintainers@kp2p.invalid>'
version=$(sed -nE "s/^ *version: '(.*)',/\1/p" meson.build | head -1)
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# As reproducible as the commands: no time of day goes in.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
export SOURCE_DATE_EPOCH
umask 022

put() { install -D -m "${3:-644}" "$1" "$2"; }

# documents PACKAGE FOLDER: what Debian wants; the changelog points to ours.
documents() {
    local doc=$2/usr/share/doc/$1
    put packaging/debian/copyright "$doc/copyright"
    printf '%s (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' "$1" "$version" \
        "$maintainer" "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
}

# package NAME FOLDER ARCHITECTURE, its control fields on standard input
package() {
    local name=$1 folder=$2 file=$out/$1_${version}_$3.deb script
    mkdir -p "$folder/DEBIAN"
    for script in packaging/debian/"$name".p*; do
        put "$script" "$folder/DEBIAN/${script##*.}" 755
    done
    {
        printf 'Package: %s\nSource: kp2p\nVersion: %s\nArchitecture: %s\nMaintainer: %s\n' \
            "$name" "$version" "$3" "$maintainer"
        printf 'Installed-Size: %s\n' "$(du -k -s --apparent-size "$folder" | cut -f1)"
        cat
    } >"$folder/DEBIAN/control"
    (cd "$folder" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | LC_ALL=C sort -z |
        xargs -0 md5sum) >"$folder/DEBIAN/md5sums"
    dpkg-deb --root-owner-group -Zxz -z"$level" --build "$folder" "$file" >/dev/null
    echo "$file"
}

# ---- the commands -----------------------------------------------------------------------------

root=$work/kp2p
prefix=$(meson introspect --buildoptions "$build" |
    python3 -c 'import json,sys; print(*[o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"])')
DESTDIR=$work/installed meson install -C "$build" --no-rebuild --strip >"$work/install.log" 2>&1 ||
    { cat "$work/install.log" >&2; exit 1; }
mkdir -p "$root"
mv "$work/installed$prefix" "$root/usr"
find "$root/usr/share/man" -name '*.1' -exec gzip -9n {} +
# What the old names do is in the pages of the new ones.
for link in "$root"/usr/bin/kachery-*; do
    name=${link##*/}
    target=$(readlink "$link") || continue
    ln -s "$target.1.gz" "$root/usr/share/man/man1/$name.1.gz"
done
put packaging/systemd/kp2p.service "$root/lib/systemd/system/kp2p.service"
put packaging/systemd/kp2p-user.service "$root/usr/lib/systemd/user/kp2p.service"
put packaging/systemd/kp2p.sysusers "$root/usr/lib/sysusers.d/kp2p.conf"
put packaging/ufw "$root/etc/ufw/applications.d/kp2p"
documents kp2p "$root"
for document in README.md CHANGELOG.md docs/operating.md docs/tutorial.md docs/python.md node/api/API.md; do
    put "$document" "$root/usr/share/doc/kp2p/${document##*/}"
done
mkdir -p "$root/DEBIAN" "$work/debian"
echo /etc/ufw/applications.d/kp2p >"$root/DEBIAN/conffiles"
printf 'Source: kp2p\n\nPackage: kp2p\nArchitecture: any\n' >"$work/debian/control"
mapfile -t binaries < <(find "$root/usr/bin" -type f -name 'kp2p-*')
depends=$(cd "$work" && dpkg-shlibdeps -O "${binaries[@]}" | sed -n 's/^shlibs:Depends=//p')
package kp2p "$root" "$architecture" <<CONTROL
Depends: $depends
Recommends: avahi-daemon, libavahi-compat-libdnssd1
Suggests: python3-kachery-p2p
Section: net
Priority: optional
Description: share files by their SHA-1, from one computer to another
 kp2p-store gives a file a name that is its content, and anyone in the same
 channel loads it by that name, through the Hyperswarm network, verified chunk
 by chunk: one daemon for each computer, and small commands.
CONTROL

# ---- Python -----------------------------------------------------------------------------------

root=$work/python3-kachery-p2p
modules=usr/lib/python3/dist-packages
for file in python/kachery_p2p/*.py python/kachery_p2p/py.typed; do
    put "$file" "$root/$modules/kachery_p2p/${file##*/}"
done
metadata="$root/$modules/kachery_p2p-$version.dist-info"
mkdir -p "$metadata" "$root/usr/bin"
printf 'Metadata-Version: 2.1\nName: kachery-p2p\nVersion: %s\n' "$version" >"$metadata/METADATA"
python3 - >"$metadata/entry_points.txt" <<'ENTRIES'
import configparser
setup = configparser.ConfigParser()
setup.read("python/setup.cfg")
for group, entries in setup["options.entry_points"].items():
    print(f"[{group}]{entries}")
ENTRIES
printf '#!/usr/bin/python3\nfrom kachery_p2p.git_annex import main\n\nmain()\n' >"$work/remote"
put "$work/remote" "$root/usr/bin/git-annex-remote-kp2p" 755
put packaging/debian/git-annex-remote-kp2p.1 "$root/usr/share/man/man1/git-annex-remote-kp2p.1"
gzip -9n "$root/usr/share/man/man1/git-annex-remote-kp2p.1"
documents python3-kachery-p2p "$root"
package python3-kachery-p2p "$root" all <<'CONTROL'
Depends: python3 (>= 3.9), python3:any
Recommends: kp2p
Suggests: git-annex, python3-annexremote, python3-numpy
Section: python
Priority: optional
Description: share files peer to peer by their SHA-1 (Python 3)
 The package kachery_p2p stores and loads files, arrays and directories through
 the kp2p daemon on this computer. git-annex-remote-kp2p makes it a special
 remote of git-annex, and so of DataLad.
CONTROL
