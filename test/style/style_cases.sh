#!/bin/bash
# style_cases.sh: layering.sh and rules.sh let a right tree pass and catch each wrong line.
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

fresh() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{cmd,test} "$tree"/proto/{file,mux,dht/wire} \
        "$tree"/node/{async,net,dht,transport,reach,store/disk,share/{lookup,transfer,channels,fetch},api,settings,client}
    echo '#include "proto/b.hpp"' >"$tree/proto/a.cpp"
    echo '#include "node/net/b.hpp"' >"$tree/node/dht/a.cpp"
    echo '#include "node/process/daemon.hpp"' >"$tree/cmd/kp2p-start-daemon.cpp"
}

expect() { # STATUS SCRIPT NAME
    "$here/$2" "$tree" >"$tree/out" 2>&1
    local status=$?
    if [ $status -ne "$1" ]; then
        echo "FAILED: $3: $2 ended with $status"
        cat "$tree/out"
        failed=1
    fi
}

fresh
expect 0 layering.sh 'a right tree'
expect 0 rules.sh 'a right tree'

while IFS='|' read -r script file line; do
    fresh
    echo "$line" >>"$tree/$file"
    expect 1 "$script" "$file with $line"
done <<'ROWS'
layering.sh|proto/a.cpp|#include "node/async/asio.hpp"
layering.sh|proto/a.cpp|#include <asio/ip/udp.hpp>
layering.sh|proto/a.cpp|#include <fstream>
layering.sh|proto/a.cpp|auto now = std::chrono::steady_clock::now();
layering.sh|proto/a.cpp|randombytes_buf(p, n);
layering.sh|proto/a.cpp|std::random_device device;
layering.sh|node/net/a.cpp|#include "node/dht/a.hpp"
layering.sh|node/store/a.cpp|#include "node/net/a.hpp"
layering.sh|node/store/disk/a.cpp|#include "node/store/a.hpp"
layering.sh|node/async/a.cpp|#include "node/net/a.hpp"
layering.sh|node/share/a.cpp|#include "node/api/a.hpp"
layering.sh|node/share/a.cpp|#include "node/swarm/a.hpp"
layering.sh|node/share/a.cpp|#include "node/dht/a.hpp"
layering.sh|node/share/lookup/a.cpp|#include "node/share/transfer/a.hpp"
layering.sh|node/share/transfer/a.cpp|#include "node/share/a.hpp"
layering.sh|node/share/channels/a.cpp|#include "node/share/fetch/a.hpp"
layering.sh|node/share/fetch/a.cpp|#include "node/share/a.hpp"
layering.sh|node/reach/a.cpp|#include "node/share/a.hpp"
layering.sh|node/transport/a.cpp|#include "node/dht/a.hpp"
layering.sh|node/api/a.cpp|#include "node/swarm/a.hpp"
layering.sh|node/node.cpp|#include "node/process/a.hpp"
layering.sh|node/share/a.cpp|#include "node/node.hpp"
layering.sh|proto/mux/a.cpp|#include "proto/udx/a.hpp"
layering.sh|proto/dht/wire/a.cpp|#include "proto/dht/table/a.hpp"
layering.sh|proto/file/a.cpp|#include "proto/transfer/a.hpp"
layering.sh|node/client/a.cpp|#include "node/async/asio.hpp"
layering.sh|node/settings/a.cpp|#include "node/client/a.hpp"
layering.sh|cmd/kp2p-load.cpp|#include "node/share/share.hpp"
layering.sh|cmd/kp2p-load.cpp|#include "node/process/daemon.hpp"
layering.sh|cmd/kp2p-store.cpp|#include "node/dht/dht.hpp"
rules.sh|node/dht/a.cpp|asio::co_spawn(loop, f(), token);
rules.sh|node/async/a.cpp|spawn(loop, asio::detached);
rules.sh|node/dht/a.cpp|using namespace asio::experimental::awaitable_operators;
rules.sh|node/dht/a.cpp|#include <asio.hpp>
rules.sh|node/dht/a.cpp|if (error == std::errc::connection_refused) return;
rules.sh|node/dht/a.hpp|// no guard
rules.sh|node/dht/a.cpp|auto now = std::chrono::system_clock::now();
rules.sh|node/net/a.cpp|auto now = std::chrono::steady_clock::now();
rules.sh|node/dht/a.cpp|auto now = std::time(nullptr);
rules.sh|node/dht/a.cpp|randombytes_buf(p, n);
rules.sh|node/share/a.cpp|std::random_device device;
rules.sh|node/reach/a.cpp|const auto seed = SystemRandom().bytes<Seed>();
rules.sh|test/a.cpp|// TODO: finish
ROWS

fresh
touch "$tree"/node/dht/{a..p}.hpp
expect 1 layering.sh 'a room of 16 headers'

fresh
yes ';' | head -401 >"$tree/node/dht/b.cpp"
expect 1 rules.sh 'a source of 401 lines'
exit $failed
