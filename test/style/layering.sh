#!/bin/bash
# layering.sh [ROOT]: every include points down the map of README.md, and proto/ does no I/O, tells
# no time and draws no random number. Prints each include that does not.
cd "${1:-$(dirname "$0")/../..}" || exit 2
bad=0

# What a file may include of the project, as an extended regular expression on the path.
allowed() {
    local async='proto/|node/async/'
    case $1 in
        proto/*)       echo 'proto/' ;;
        node/async/*)  echo "$async" ;;
        node/log/*)    echo "$async|node/log/" ;;
        node/net/*)    echo "$async|node/net/" ;;
        node/dht/*)    echo "$async|node/(net|dht)/" ;;
        node/swarm/*)  echo "$async|node/(net|dht|swarm)/" ;;
        node/store/*)  echo "$async|node/store/" ;;
        node/share/*)  echo "$async|node/(net|dht|swarm|store|share)/" ;;
        node/api/*)    echo "$async|node/(net|dht|swarm|store|share|api)/" ;;
        node/client/*) echo 'proto/|node/client/' ;;
        node/*)        echo "$async|node/(log|net|dht|swarm|store|share|api)/|node/[a-z_]+\.hpp" ;;
        cmd/kp2p-start-daemon.cpp) echo 'proto/|node/client/|node/daemon\.hpp' ;;
        cmd/kp2p-bootstrap.cpp)    echo 'proto/|node/client/|node/bootstrap\.hpp' ;;
        cmd/kp2p-store.cpp|cmd/kp2p-link.cpp) echo 'proto/|node/client/|cmd/put_paths\.hpp' ;;
        cmd/kp2p-load.cpp)         echo 'proto/|node/client/|cmd/load_to\.hpp' ;;
        cmd/load_to.*)
            echo 'proto/|node/client/|cmd/(load_to|(file|directory)_destination|sparse_writer)\.hpp' ;;
        cmd/*_destination.*|cmd/sparse_writer.*)
            echo 'proto/|node/store/|cmd/((file|directory)_destination|sparse_writer)\.hpp' ;;
        cmd/put_paths.*)           echo 'proto/|node/client/|node/store/|cmd/put_paths\.hpp' ;;
        cmd/*)         echo 'proto/|node/client/' ;;
    esac
}

while IFS= read -r file; do
    pattern="^($(allowed "$file"))"
    while IFS=: read -r line include; do
        path=${include#*\"}
        path=${path%%\"*}
        if ! [[ $path =~ $pattern ]]; then
            echo "$file:$line: includes $path, which is not below it"
            bad=1
        fi
    done < <(grep -nE '^ *# *include *"' "$file")
done < <(find proto node cmd \( -name '*.cpp' -o -name '*.hpp' \) | sort)

io='<(asio|fstream|iostream|filesystem|thread|mutex|future|atomic|condition_variable|sys/|netinet/|arpa/|unistd|fcntl)'
if grep -rnE "^ *# *include *$io" proto; then
    echo "proto/ includes what does I/O, locks, or draws random numbers"
    bad=1
fi
if grep -rnE '_clock::now\(|\b(randombytes\w*|RAND_bytes|getrandom|rand)\(|random_device' proto; then
    echo "proto/ reads a clock or draws a random number; both are passed in"
    bad=1
fi
exit $bad
