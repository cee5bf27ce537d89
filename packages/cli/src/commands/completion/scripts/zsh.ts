/** For zsh, as a file of its own in a folder of `fpath`, or read at the start of a shell. */
export const ZSH: string = String.raw`#compdef manyhands mh
# zsh completion for manyhands; load it with: source <(manyhands completion zsh)
# or save it as _manyhands in a folder of your fpath.

_manyhands() {
  local -a lines values
  local line kind lead
  local -a typed
  typed=("\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}")
  lines=("\${(@f)$(MANYHANDS_COMPLETION=zsh "\${(Q)words[1]}" __complete -- "\${typed[@]}" 2>/dev/null)}")
  kind="\${lines[1]%%$'\t'*}"
  if [[ $kind == files ]]; then
    lead="\${lines[1]#*$'\t'}"
    [[ -n $lead ]] && compset -P "*[=]"
    _files
    return
  fi
  for line in "\${(@)lines[2,-1]}"; do
    [[ -n $line ]] || continue
    values+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}")
  done
  (( \${#values} )) && _describe -V 'manyhands' values
}

(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
if [[ "$\{funcstack[1]}" == _manyhands ]]; then
  _manyhands "$@"
else
  compdef _manyhands manyhands mh
fi
`
  .replaceAll("\\${", "${")
  .replaceAll("$\\{", "${");
