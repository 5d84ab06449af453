#!/bin/sh
# await_lint.sh [ROOT]: await_lint.py over every source.
cd "${1:-$(dirname "$0")/../..}" || exit 2
find proto node cmd test \( -name '*.cpp' -o -name '*.hpp' \) -exec python3 -B test/style/await_lint.py {} +
