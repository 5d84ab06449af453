#!/bin/bash
# format.sh [ROOT]: every source is as clang-format leaves it. Skipped (77) without clang-format 14,
# the version whose layout is the standard here.
cd "${1:-$(dirname "$0")/../..}" || exit 2
for format in clang-format-14 clang-format; do
    if command -v $format >/dev/null && $format --version | grep -q 'version 14\.'; then
        find proto node cmd test \( -name '*.cpp' -o -name '*.hpp' \) -print0 |
            xargs -0 $format --dry-run --Werror
        exit $?
    fi
done
echo "SKIPPED: no clang-format 14"
exit 77
