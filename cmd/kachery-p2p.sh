#!/bin/sh
# kachery-p2p WORD [ARGUMENT]...: the words of kachery-p2p's own command, each a kp2p-* here.
here=$(dirname "$(readlink -f "$0")")

# One a line, for people and for the shells that complete them.
words() {
    for word in cat-file find-file get-channels join-channel leave-channel link-file load-file node-info store-file; do
        echo "  $word"
    done
    for command in "$here"/kp2p-*; do
        word=${command##*/kp2p-}
        case $word in
            *[!a-z-]* | bootstrap | relay | web) ;;
            *) echo "  $word" ;;
        esac
    done
    echo "  version"
}

usage() {
    printf 'usage: kachery-p2p WORD [ARGUMENT]...\nwhere WORD is one of\n'
    words
    printf 'kachery-p2p WORD --help says more.\n'
}

word=${1:-}
[ $# -gt 0 ] && shift
case $word in
    cat-file | find-file | link-file | load-file | store-file) command=${word%-file} ;;
    get-channels) command=channels ;;
    join-channel | leave-channel) command=${word%-channel} ;;
    node-info) command=status ;;
    version | --version)
        version=$("$here/kp2p-status" --version) || exit
        echo "kachery-p2p ${version#kp2p-status }"
        exit
        ;;
    help | --help | -h)
        usage
        exit 0
        ;;
    '')
        usage >&2
        exit 2
        ;;
    *) command=$word ;;
esac
case $command in
    *[!a-z-]* | bootstrap | relay | web) ;;
    *) [ -x "$here/kp2p-$command" ] && exec "$here/kp2p-$command" "$@" ;;
esac
printf 'kachery-p2p: there is no %s\n' "$word" >&2
usage >&2
exit 2
