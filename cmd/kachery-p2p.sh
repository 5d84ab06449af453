#!/bin/sh
# kachery-p2p WORD [ARGUMENT]...: the words of kachery-p2p's own command, each a kp2p-* here.
words='cat-file (cat), find-file (find), gc, get-channels, invite, join-channel,
leave-channel, link-file (link), list, load-file (load), ls, node-info, pin, rm, start-daemon, stop-daemon, store-file (store), transfers,
unpin, verify, version'

usage() {
    printf 'usage: kachery-p2p WORD [ARGUMENT]...\nwhere WORD is one of\n%s\n' "$words"
    printf 'kachery-p2p WORD --help says more.\n'
}

here=$(dirname "$(readlink -f "$0")")
word=${1:-}
[ $# -gt 0 ] && shift
case $word in
    cat | find | link | load | store) command=$word ;;
    cat-file | find-file | link-file | load-file | store-file) command=${word%-file} ;;
    gc | invite | list | ls | pin | rm | start-daemon | stop-daemon | transfers | unpin | verify) command=$word ;;
    get-channels) command=channels ;;
    join-channel | leave-channel) command=${word%-channel} ;;
    node-info) command=status ;;
    version | --version) exec "$here/kp2p-status" --version ;;
    help | --help | -h)
        usage
        exit 0
        ;;
    '')
        usage >&2
        exit 2
        ;;
    *)
        printf 'kachery-p2p: there is no %s\n' "$word" >&2
        usage >&2
        exit 2
        ;;
esac
exec "$here/kp2p-$command" "$@"
