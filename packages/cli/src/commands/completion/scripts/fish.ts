export const FISH: string = String.raw`# fish completion for manyhands; load it with: manyhands completion fish | source
# or save it as ~/.config/fish/completions/manyhands.fish.

function __manyhands_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string unescape)
    set -l program $words[1]
    set -l lines (MANYHANDS_COMPLETION=fish $program __complete -- $words[2..-1] "$current" 2>/dev/null)
    set -l kind (string split \t -- $lines[1])
    if test "$kind[1]" = files
        set -l typed (string replace -- "$kind[2]" '' "$current")
        for path in (__fish_complete_path "$typed")
            echo "$kind[2]$path"
        end
    else if test (count $lines) -gt 1
        printf '%s\n' $lines[2..-1]
    end
end

complete -c manyhands -f -k -a '(__manyhands_complete)'
complete -c mh -f -k -a '(__manyhands_complete)'
`;
