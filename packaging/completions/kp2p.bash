# Completion for bash: the options that a command's own --help names, and what stands behind them.
_kp2p() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} help value
    help=$("${COMP_WORDS[0]}" --help 2>/dev/null) || return
    # "  --dest PATH   words": what an option takes.
    value=$(sed -nE "s/^ +(-[a-zA-Z],)?${before//[^a-z-]/} ([A-Z][A-Z@:]*) .*/\2/p" <<<"$help")
    case $value in
        PATH | FILE) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        DIR) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
        ?*) ;;
        *)
            if [[ $word == -* ]]; then
                mapfile -t COMPREPLY < <(
                    compgen -W "$(grep -oE '^ +(-[a-zA-Z],)?--[a-z-]+' <<<"$help" | grep -oE -- '--.*')" -- "$word")
            elif [[ ${COMP_WORDS[0]} == *kp2p-leave ]]; then
                mapfile -t COMPREPLY < <(kp2p-channels 2>/dev/null | grep -F -- "$word")
            elif grep -qE '^ +PATH ' <<<"$help"; then
                compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$word")
            fi
            ;;
    esac
}
# All that there are: this file is read when the first of them is completed.
complete -F _kp2p $({ compgen -c kp2p-; compgen -c kachery-; } | sort -u)
