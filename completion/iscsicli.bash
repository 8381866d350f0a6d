# bash completion for iscsicli(1). The tool itself knows what may follow; this only hands it the line:
# through a pipe, for a word of the line may be a secret.

_iscsicli()
{
	local - line=${COMP_LINE:0:COMP_POINT} words cur='' prefix='' i
	set -f
	# Not COMP_WORDS: readline takes a name apart at its colons.
	# shellcheck disable=SC2206
	words=($line)
	if [[ $line == *[^[:blank:]] ]]; then
		cur=${words[-1]}
		unset 'words[-1]'
	fi
	mapfile -t COMPREPLY < <(printf '%s\n' "${words[@]:1}" "$cur" |
		"${words[0]}" --complete 2>/dev/null)
	# readline keeps what stands before the last colon.
	[[ $COMP_WORDBREAKS == *:* ]] && prefix=${cur%"${cur##*:}"}
	for i in "${!COMPREPLY[@]}"; do
		printf -v "COMPREPLY[i]" %q "${COMPREPLY[i]:${#prefix}}"
	done
}

complete -F _iscsicli iscsicli
