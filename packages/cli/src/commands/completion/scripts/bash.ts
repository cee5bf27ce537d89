/**
 * For bash from 3.2 on. The words are split again, because bash splits them at = and : as well, and replaces only what is
 * behind the last one. Names from Redis are quoted: bash puts them into the line as they are.
 */
export const BASH: string =
  String.raw`# bash completion for manyhands; load it with: source <(manyhands completion bash)

_manyhands() {
  local line="\${COMP_LINE:0:COMP_POINT}" word i current="" quote=""
  local -a words=()
  local cword=\${COMP_WORDS[COMP_CWORD]}
  # COMP_WORDS, joined again where no space is between them.
  local rest="$line"
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ $rest == [[:space:]]* || $i -eq 0 ]]; then
      rest="\${rest#"\${rest%%[![:space:]]*}"}"
      words+=("")
    fi
    # The word at the cursor counts as far as the cursor.
    [[ $i -eq COMP_CWORD ]] && word="$rest"
    words[\${#words[@]}-1]+="$word"
    rest="\${rest#"$word"}"
  done
  current="\${words[\${#words[@]}-1]}"
  case "$current" in
    \"*|\'*) quote="\${current:0:1}"; current="\${current:1}" ;;
    *) current="\${current//\\/}" ;;
  esac
  words[\${#words[@]}-1]="$current"
  # Quotes around finished words are of the shell.
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    case "\${words[i]}" in
      \"*\"|\'*\') words[i]="\${words[i]:1:\${#words[i]}-2}" ;;
      *) words[i]="\${words[i]//\\/}" ;;
    esac
  done
  # What readline does not replace: all up to the last = or : in the word.
  local kept=""
  if [[ -z $quote && $current == *[=:]* ]]; then
    kept="\${current%"\${current##*[=:]}"}"
    [[ $COMP_WORDBREAKS == *=* || $kept != *= ]] || kept=""
    [[ $COMP_WORDBREAKS == *:* || $kept != *: ]] || kept=""
  fi
  COMPREPLY=()
  local kind="" value
  while IFS= read -r value; do
    if [[ -z $kind ]]; then
      kind="\${value%%$'\t'*}"
      continue
    fi
    value="\${value%%$'\t'*}"
    value="\${value#"$kept"}"
    if [[ $value == *[!a-zA-Z0-9_./:=@%+,-]* ]]; then
      # Within quotes that are open already nothing can be quoted again.
      [[ -n $quote ]] && continue
      printf -v value %q "$value"
    fi
    COMPREPLY+=("$value")
  done < <(MANYHANDS_COMPLETION=bash "\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
  if [[ $kind == files ]]; then
    local IFS=$'\n'
    type compopt >/dev/null 2>&1 && compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "\${current#"$kept"}"))
  fi
}

complete -o nosort -F _manyhands manyhands mh 2>/dev/null || complete -F _manyhands manyhands mh
`.replaceAll("\\${", "${");
