#!/bin/bash
# rules.sh [ROOT]: rules of the source that grep and wc can check. Prints each line that breaks one.
cd "${1:-$(dirname "$0")/../..}" || exit 2
bad=0

all=$(find proto node cmd test -name '*.[ch]pp' | sort)

# forbid REASON PATTERN [PATH THAT MAY]...
forbid() {
    local reason=$1 pattern=$2 except=${3:-^$}
    local found
    found=$(grep -vE "$except" <<<"$all" | xargs grep -nE "$pattern")
    if [ -n "$found" ]; then
        echo "$found"
        echo "  ^ $reason"
        bad=1
    fi
}

at_most() { # LINES FILES...
    local limit=$1 lines file
    shift
    while read -r lines file; do
        if [ "$lines" -gt "$limit" ] && [ "$file" != total ]; then
            echo "$file: longer than $limit lines: find the second idea"
            bad=1
        fi
    done < <(wc -l /dev/null "$@")
}

forbid 'every coroutine has an owner that waits for it' '\bdetached\b'
forbid 'coroutines are spawned in Tasks' '\bco_spawn\(' \
    '^(node/async/|cmd/|node/process/(daemon|bootstrap|local_api|offline_doctor|relay)\.cpp|test/run\.hpp|test/sim/|test/interop/|test/nat/|test/bench/|test/node/async/)'
forbid 'start_thread() keeps the signals of the process out of a thread' \
    'std::(j?thread\(|async\()|\bjthread\b' '^(proto|test)/|^node/(threads/thread|client/hang_watch)\.cpp'
forbid 'several things at once is a nursery' 'awaitable_operators'
forbid 'asio loses what is in its channel; use Queue' 'experimental/(concurrent_)?channel'
forbid 'include narrow asio headers' '# *include <asio\.hpp>'
forbid 'compare socket errors with asio::error' '== *std::errc::(connection|operation_canceled|timed_out|address_in_use|host_unreachable|network)'
# What a command, the log or the storage draws or reads is no part of what a node does.
forbid 'time comes from the Clock of the Runtime' '_clock::now\(|\btime\((nullptr|NULL|0)\)' \
    '^(proto|cmd|test)/|^node/(client/|log/|async/clock\.|store/(disk/disk|file)\.cpp)'
forbid 'randomness comes from the Random of the Runtime' \
    '\b(randombytes\w*|RAND_bytes|getrandom|arc4random\w*|rand)\(|random_device|\bSystemRandom\b' \
    '^(proto|cmd|test)/|^node/(client/|async/random\.|process/(daemon|bootstrap|local_api|offline_doctor|relay)\.cpp)'
forbid 'no unfinished business' '\b(TODO|FIXME|XXX|HACK)\b'
forbid 'headers begin with #pragma once' '^# *ifndef .*_HPP'

# Nobody could ask for more or less of a room that LogLevels does not know.
known_rooms=$(sed -n '/ known_rooms\[\] = {/,/};/p' proto/report/log_levels.cpp | grep -oE '"[a-z]+"' | sort)
logged_rooms=$(find node -name '*.cpp' -print0 | xargs -0 cat | tr -d '\n' |
    grep -oE '(\b(log|debug)\(|LogLevel::[a-z]+, *)"[a-z]+",' | grep -oE '"[a-z]+"' | sort -u)
if [ "$known_rooms" != "$logged_rooms" ]; then
    diff <(echo "$known_rooms") <(echo "$logged_rooms")
    echo "  ^ the rooms of proto/report/log_levels.cpp are those in which the node logs"
    bad=1
fi

mapfile -t headers < <(find proto node -name '*.hpp')
mapfile -t sources < <(find proto node -name '*.cpp')
mapfile -t commands < <(find cmd -name '*.cpp')
at_most 200 "${headers[@]}"
at_most 400 "${sources[@]}"
at_most 150 "${commands[@]}"

if [ "${#headers[@]}" -gt 0 ] && grep -L '^#pragma once' "${headers[@]}" | grep .; then
    echo "  ^ no #pragma once"
    bad=1
fi
exit $bad
