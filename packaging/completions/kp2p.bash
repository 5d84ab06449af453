# Completion for bash: the options that a command's own --help names, and what stands behind them.
_kp2p() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} help value
    local -a command=("${COMP_WORDS[0]}")
    if [[ ${command[0]} == *kachery-p2p ]]; then
        if ((COMP_CWORD == 1)); then
            mapfile -t COMPREPLY < <(compgen -W "$("${command[0]}" help | grep '^  ')" -- "$word")
            return
        fi
        command+=("${COMP_WORDS[1]}")
    fi
    help=$("${command[@]}" --help 2>/dev/null) || return
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
            elif [[ ${command[*]} == *leave* ]]; then
                mapfile -t COMPREPLY < <(kp2p-channels 2>/dev/null | grep -F -- "$word")
            elif grep -qE '^ +PATH ' <<<"$help"; then
                compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$word")
            fi
            ;;
    esac
}
# All that there are: this file is read when the first of them is completed.
complete -F _kp2p $({ compgen -c kp2p-; compgen -c kachery-; } | sort -u)
