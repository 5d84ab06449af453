#!/bin/sh
# interop.sh SCRIPT [ARG]...: runs a node script of this folder. 77 (skipped) where node or its
# packages are missing; `npm ci --ignore-scripts` in this folder installs them.
here=$(dirname "$0")
if ! command -v node >/dev/null || [ ! -d "$here/node_modules/hyperdht" ]; then
    echo "SKIPPED: node or test/interop/node_modules is missing"
    exit 77
fi
script=$1
shift
exec node "$here/$script" "$@"
