# Completion for fish: the options that a command's own --help names, and what stands behind them.
function __kp2p_options
    set -l words (commandline -opc)
    set -l command $words[1]
    string match -q '*kachery-p2p' $command; and set command $words[1..2]
    $command --help 2>/dev/null | string replace -rf '^ +(?:-[a-zA-Z],)?(--[a-z-]+)(?: [A-Z][A-Z@:=]*(?: \.\.\.)?)? +(.*)' '$1\t$2'
end
for file in $PATH/kp2p-* $PATH/kachery-*
    complete -c (string replace -r '.*/' '' $file) -n 'string match -q -- "-*" (commandline -ct)' -a '(__kp2p_options)'
end
complete -c kp2p-leave -f -a '(kp2p-channels 2>/dev/null)'
complete -c kachery-p2p -f -n 'test (count (commandline -opc)) -eq 1' -a '(kachery-p2p help | string replace -rf "^  " "")'
