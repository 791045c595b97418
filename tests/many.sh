# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# many.sh - many kinds of fixtures in one tree, for scripts that have read lib.sh. $dir/fx/kinds names them, with
# their flags; each has a directory $dir/fx/KIND of its own.

# Prints those that can be together with others: "KIND FLAGS" lines, less the kinds that a dump refuses, and
# that need a peer outside of the tree.
many_kinds() {
	"$fixture" --list | awk '$2 !~ /leave-only|may-refuse|outside/ { print $1, $2 }'
}

# The light ones of standard input: none that makes thousands of anything.
many_light() {
	grep -vE '^([^ ]*_many|fd_crowd|vma_shmem_own|busy) '
}

# Starts them in $1 nested pid namespaces, below the innermost pid 1, which reaps them; sets starter. They are
# many, and wait: no more often than every $FX_NAP milliseconds.
many_start() {
	local kind

	while read -r kind _; do
		mkdir "$dir/fx/$kind"
	done <"$dir/fx/kinds"
	# shellcheck disable=SC2016
	cd "$dir" && setsid "$fixture" -n "$1" -1 -x "$dir/fx" bash -c '
		while read -r kind flags; do
			levels=0
			[[ $flags != *nests* ]] || levels=1
			env -i PATH="$PATH" LANG=C HOME=/ FX_LIFE=20000 FX_NAP="$3" \
				setsid "$1" -n $levels "$kind" "$2/$kind" </dev/null >"$2/$kind.out" 2>&1 &
		done <"$2/kinds"
		until [ -e "$2/go" ]; do
			sleep 1
		done
		wait' bash "$fixture" "$dir/fx" "${FX_NAP-100}" </dev/null >"$dir/out" 2>&1 &
	starter=$!
}

many_are_ready() {
	local kind

	while read -r kind _; do
		any_exists "$dir/fx/$kind/ready" "$dir/fx/$kind/result" || return 1
	done <"$dir/fx/kinds"
}

# Does a kind with flags $1 look at itself in round $2? Some do so only once, and all in the end ("").
many_takes_part() {
	[[ ${2:-1} = 1 || $1 == *rounds* ]]
}

many_have_answered() {
	local kind flags

	while read -r kind flags; do
		! many_takes_part "$flags" "$1" ||
			any_exists "$dir/fx/$kind/result${1:+.$1}" "$dir/fx/$kind/result" || return 1
	done <"$dir/fx/kinds"
}

# Everybody looks at itself: in round $1, or for the last time. Who has not answered is told by many_verdicts().
many_look() {
	local kind flags

	while read -r kind flags; do
		! many_takes_part "$flags" "$1" || : >"$dir/fx/$kind/${1:+check.}${1:-go}"
	done <"$dir/fx/kinds"
	[ -n "$1" ] || : >"$dir/fx/go"
	wait_until many_have_answered "$1" || true
}

# "ok KIND", "skip KIND: WHY" or "not ok KIND: WHY" for each, from all that it has said so far.
many_verdicts() {
	local kind said file

	while read -r kind _; do
		said="no answer"
		for file in "$dir/fx/$kind"/result*; do
			[ ! -e "$file" ] || said=$(<"$file")
			[ "$said" = ok ] || break
		done
		case $said in
		ok) echo "ok $kind" ;;
		skip:*) echo "skip $kind: ${said#skip: }" ;;
		*) echo "not ok $kind: ${said//$'\n'/; }" ;;
		esac
	done <"$dir/fx/kinds"
}

many_remove_ipc() {
	local kind

	for kind in "$dir"/fx/*/; do
		remove_ipc "$kind"
	done
}
