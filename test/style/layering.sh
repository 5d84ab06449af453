#!/bin/bash
# layering.sh [ROOT]: every include points down the map of CONTRIBUTING.md, and proto/ does no I/O, tells
# no time and draws no random number. Prints each include that does not.
cd "${1:-$(dirname "$0")/../..}" || exit 2
bad=0

# What the present file may include of the project, as an extended regular expression on a path.
allowed=
below() { # ROOM...: their headers
    local room
    for room in "$@"; do allowed+="|$room/[a-z0-9_]+\.hpp"; done
}
also() { allowed+="|$1"; } # PATTERN

# allow FILE: its own room, and those below it.
allow() {
    local any_proto='proto proto/(crypto|record|limit|udx|mux|file|lookup|transfer|report|paths|punch|relay|tunnel)
        proto/dht proto/dht/(wire|table|node)'
    # shellcheck disable=SC2086
    case $1 in
        proto/dht/wire/*)  below proto proto/{crypto,dht,dht/wire} ;;
        proto/dht/table/*) below proto proto/{crypto,dht,dht/wire,dht/table} ;;
        proto/dht/node/*)  below proto proto/{crypto,limit,dht,dht/wire,dht/table,dht/node} ;;
        proto/dht/*)       below proto proto/dht ;;
        proto/punch/*)     below proto proto/{crypto,limit,dht,dht/wire,dht/table,dht/node,punch} ;;
        proto/record/*)    below proto proto/{crypto,record} ;;
        proto/lookup/*)    below proto proto/{crypto,limit,lookup} ;;
        proto/transfer/*)  below proto proto/{file,transfer} ;;
        proto/tunnel/*)    below proto proto/{limit,tunnel} ;;
        proto/udx/path/*)
            below proto proto/udx/path && also 'proto/udx/(flight|packet)\.hpp' ;;
        proto/udx/*)       below proto proto/udx proto/udx/path ;;
        proto/*/*)         below proto "${1%/*}" ;;
        proto/*)           below proto ;;
        node/threads/*)    below $any_proto node/threads ;;
        node/async/*)      below $any_proto node/{threads,async} ;;
        node/log/*)        below $any_proto node/{threads,async,log} ;;
        node/net/*)        below $any_proto node/{threads,async,net} ;;
        node/tunnel/*)     below $any_proto node/{async,net,tunnel} ;;
        node/relay_server/*) below $any_proto node/{async,net,tunnel,relay_server} ;;
        node/udx/*)        below $any_proto node/{async,net,udx} ;;
        node/transport/*)  below $any_proto node/{async,net,udx,transport} ;;
        node/dht/*)        below $any_proto node/{async,net,udx,dht} ;;
        node/discover/*)   below $any_proto node/{threads,async,net,dht,discover} ;;
        node/relay/*)      below $any_proto node/{async,net,udx,transport,dht,relay} ;;
        node/reach/*)      below $any_proto node/{async,net,udx,transport,dht,discover,reach} ;;
        node/swarm/*)
            below $any_proto node/{async,net,udx,transport,dht,discover,reach,relay,swarm} ;;
        node/report/*)     below $any_proto node/{async,net,udx,transport,dht,report} ;;
        node/mapping/*)    below $any_proto node/{async,net,mapping} ;;
        node/store/disk/*) below $any_proto node/store/disk ;;
        node/store/*)      below $any_proto node/{threads,async,store,store/disk,store/catalog,store/put} ;;
        node/share/inventory/*)  below $any_proto node/{async,store,store/put,share/inventory} ;;
        node/share/lookup/*)
            below $any_proto node/{async,transport,store,store/put,share/inventory,share/lookup} ;;
        node/share/transfer/*)
            below $any_proto node/{async,transport,store,store/put,share/inventory,share/transfer} ;;
        node/share/channels/*)
            below $any_proto node/{async,transport,store,store/put,share/inventory,share/lookup,share/transfer,share/channels} ;;
        node/share/fetch/*)
            below $any_proto node/{threads,async,transport,store,store/put,share/inventory,share/lookup,share/transfer,share/channels,share/fetch} ;;
        node/share/*)
            below $any_proto node/{async,transport,store,store/put,share,share/inventory,share/lookup,share/transfer,share/channels,share/fetch} ;;
        node/api/*)        below $any_proto node/{async,store,store/put,share,share/inventory,api} ;;
        node/node.*|node/swarm_peers.*|node/way_out.*)
            below $any_proto node node/{async,net,tunnel,udx,transport,dht,discover,reach,relay,swarm,mapping,store,share,share/channels,report} ;;
        node/settings/*)   below $any_proto node/settings ;;
        node/process/relay.*)
            below $any_proto node/{async,log,net,tunnel,relay_server,store,process} ;;
        node/client/http/*) below $any_proto node/client/http ;;
        node/client/*)     below $any_proto node/{settings,client,client/http} ;;
        node/process/*)
            below $any_proto node node/{threads,async,log,net,tunnel,udx,transport,dht,discover,reach,swarm,mapping,store,share,share/channels,report,api,settings,process} ;;
        cmd/kp2p-start-daemon.cpp) below $any_proto node/{settings,client} && also 'node/process/daemon\.hpp' ;;
        cmd/kp2p-bootstrap.cpp)    below $any_proto node/client && also 'node/process/bootstrap\.hpp' ;;
        cmd/kp2p-relay.cpp)        below $any_proto node/client && also 'node/process/relay\.hpp' ;;
        cmd/kp2p-doctor.cpp)
            below $any_proto node/client && also 'node/process/offline_doctor\.hpp|cmd/doctor_words\.hpp' ;;
        cmd/doctor_words.*)
            below $any_proto node/client && also 'cmd/(doctor_words|wrapped)\.hpp' ;;
        cmd/wrapped.*)     also 'cmd/wrapped\.hpp' ;;
        cmd/kp2p-store.cpp|cmd/kp2p-link.cpp)
            below $any_proto node/client && also 'cmd/put_paths\.hpp' ;;
        cmd/running_storage.*) below $any_proto node/client node/client/http && also 'cmd/running_storage\.hpp' ;;
        cmd/kp2p-load.cpp)
            below $any_proto node/client && also 'cmd/(invitation|join_channel|load_ahead|load_place|load_progress|outage|dest/load_to|uri_list|without_daemon)\.hpp' ;;
        cmd/kp2p-invite.cpp)
            below $any_proto node/client && also 'cmd/(invitation|join_channel|qr/qr_code)\.hpp' ;;
        cmd/qr/*)          below cmd/qr ;;
        cmd/kp2p-join.cpp|cmd/invitation.*|cmd/join_channel.*)
            below $any_proto node/client && also 'cmd/(invitation|join_channel)\.hpp' ;;
        cmd/load_ahead.*)
            below $any_proto node/client node/threads && also 'cmd/(dest/delivery|load_ahead)\.hpp' ;;
        cmd/load_place.*)
            below $any_proto node/client && also 'cmd/(load_place|dest/dest_trouble)\.hpp' ;;
        cmd/load_progress.*) below $any_proto node/client && also 'cmd/load_progress\.hpp' ;;
        cmd/kp2p-pin.cpp|cmd/kp2p-unpin.cpp|cmd/pin_uris.*)
            below $any_proto node/client && also 'cmd/(pin_uris|without_daemon)\.hpp' ;;
        cmd/uri_list.*)    below $any_proto node/client && also 'cmd/(invitation|uri_list)\.hpp' ;;
        cmd/kp2p-cat.cpp)
            below $any_proto node/client && also 'cmd/(load_progress|outage|without_daemon)\.hpp' ;;
        cmd/kp2p-ls.cpp|cmd/kp2p-gc.cpp|cmd/kp2p-list.cpp|cmd/kp2p-rm.cpp|cmd/kp2p-verify.cpp)
            below $any_proto node/client && also 'cmd/without_daemon\.hpp' ;;
        cmd/without_daemon.*)
            below $any_proto node/client node/store node/threads &&
                also 'node/process/local_api\.hpp|cmd/without_daemon\.hpp' ;;
        cmd/outage.*)      below $any_proto node/client && also 'cmd/outage\.hpp' ;;
        cmd/dest/*)
            below $any_proto cmd/dest node/{client,store,store/put,threads} && also 'cmd/outage\.hpp' ;;
        cmd/put_paths.*|cmd/put_stream.*|cmd/put_trouble.*)
            below $any_proto node/client node/store node/store/put &&
                also 'cmd/(put_paths|put_stream|put_trouble|running_storage)\.hpp' ;;
        cmd/kp2p-limit.cpp) below $any_proto node/{settings,client} ;;
        cmd/*)             below $any_proto node/client ;;
    esac
}

last=
while IFS=: read -r file line include; do
    if [ "$file" != "$last" ]; then
        last=$file
        allowed=
        allow "$file"
    fi
    path=${include#*\"}
    path=${path%%\"*}
    if ! [[ $path =~ ^(${allowed#|})$ ]]; then
        echo "$file:$line: includes $path, which is not below it"
        bad=1
    fi
done < <(grep -rnE --include='*.cpp' --include='*.hpp' '^ *# *include *"' proto node cmd)

while read -r count room; do
    if [ "$count" -gt 15 ]; then
        echo "$room: $count headers, more than one finds one's way in: find the rooms in it"
        bad=1
    fi
done < <(find proto node cmd -name '*.hpp' -printf '%h\n' | sort | uniq -c)

# arpa/inet.h only turns addresses into text and back, sys/auxv.h only says what the CPU has.
io='<(asio|fstream|iostream|filesystem|thread|mutex|future|atomic|condition_variable|sys/|netinet/|unistd|fcntl)'
if grep -rnE "^ *# *include *$io" proto | grep -v '<sys/auxv.h>'; then
    echo "proto/ includes what does I/O, locks, or draws random numbers"
    bad=1
fi
if grep -rnE '_clock::now\(|\b(randombytes\w*|RAND_bytes|getrandom|rand)\(|random_device' proto; then
    echo "proto/ reads a clock or draws a random number; both are passed in"
    bad=1
fi
exit $bad
