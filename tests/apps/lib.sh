# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# lib.sh - a real program: run undisturbed, then dumped in mid-work, killed, restored; outputs compared.
#
# An app script defines, and then calls app_main "$@":
#   needs      names of the programs it uses
#   outputs    files below the working directory that must come out byte for byte
#   prepare    makes the input in the current directory, of a size that grows with $scale
#   command    prints a shell command that does the work there
#   midway     succeeds once enough of the work is done to dump
#   inspect    (optional) more checks, in the working directory of the restored run
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

app=$(basename "$0" .sh)
outputs=(out)

inspect() {
	:
}

# Starts the program in directory $1, in $2 new pid namespaces; sets root and starter.
start_app() {
	local levels=$2

	mkdir -p "$1/work" "$1/fx"
	chmod 777 "$1/fx"
	cd "$1/work" || fail "no working directory"
	[ -e prepared ] || prepare
	: >prepared
	env -i PATH=/usr/bin:/bin LANG=C HOME=/ setsid "$fixture" -n "$levels" -x "$1/fx" \
		/bin/bash -c "$(command)"$'\n''echo $? >status' </dev/null >out 2>err &
	starter=$!
	wait_until any_exists "$1/fx/root.pid" || fail "it did not start"
	root=$(<"$1/fx/root.pid")
}

run_undisturbed() {
	start_app "$expected" 0
	wait "$starter"
	[ "$(<status)" = 0 ] || fail "undisturbed, it ended with $(<status): $(head -c 200 err)"
}

has_ended() {
	[ -s "$dir/work/status" ] # it is written at once: not empty
}

midway_or_ended() {
	midway || has_ended
}

# Stops the program in mid-work. Succeeds when it was in time.
dump_midway() {
	local status

	wait_until midway_or_ended || fail "no progress: $(head -c 200 err)"
	note_tree "$root"
	note_pid "$starter"
	dump "$root" --kill
	status=$?
	if has_ended; then
		[ "$(<status)" = 0 ] || fail "before the dump it ended with $(<status): $(head -c 200 err)"
		return 1
	fi
	[ $status -eq 0 ] || fail "dump gives $status: $(last_words)"
	wait "$starter" 2>/dev/null
	wait_until all_gone || fail "dump --kill has left a task"
}

compare_outputs() {
	local file

	[ "$(<status)" = 0 ] || fail "it ended with $(<status): $(head -c 200 err)"
	for file in "${outputs[@]}"; do
		cmp -s "$expected/work/$file" "$file" ||
			fail "$file differs: $(cmp "$expected/work/$file" "$file" 2>&1)"
	done
	inspect
}

one_app() {
	run_undisturbed
	start_app "$dir" "$levels"
	dump_midway || return 9
	restore || fail "restore gives $?: $(last_words)"
	patience=300 wait_until has_ended || fail "it does not end after the restore"
	wait_until all_gone || fail "something is left behind"
	compare_outputs
	echo ok >"$dir/verdict"
}

clean_app() {
	kill_noted
	[ -z "${starter-}" ] || kill_own "$starter" "$(start_time "$starter")"
}

# A machine that is faster than the input is large: try with more.
try_scales() {
	local scale try

	for ((try = 1; try <= 4; try++)); do
		scale=$((2 ** (try - 1)))
		rm -rf "$dir" "$expected"
		mkdir -p "$dir" "$expected"
		: >"$dir/log"
		: >"$dir/pids"
		(
			trap clean_app EXIT
			one_app
		) 2>>"$dir/shell"
		[ $? -eq 9 ] || return
	done
	echo "not ok it was never caught in mid-work" >"$dir/verdict"
}

run_variant() {
	local variant=$1 levels=$2 dir=$work/$1 expected=$work/$1-expected verdict

	try_scales
	read -r verdict <"$dir/verdict" || verdict="not ok the test itself broke off: $(tail -n 1 "$dir/shell")"
	case $verdict in
	ok) echo "ok app_$app@$variant" && passed=$((passed + 1)) ;;
	*) echo "not ok app_$app@$variant: ${verdict#not ok } (log: $dir)" && failed=$((failed + 1)) ;;
	esac
}

app_main() {
	local program passed=0 failed=0 levels_of=([0]=host [1]=pidns) levels

	for program in "${needs[@]}"; do
		if ! PATH=/usr/bin:/bin type -P "$program" >/dev/null; then
			echo "skip app_$app: $program is not installed"
			echo "0 passed, 0 failed, 1 skipped"
			exit 0
		fi
	done
	work=$(mktemp -d "${TMPDIR:-/tmp}/bpf-ckpt-app.XXXXXX") || exit 1
	for levels in 0 1; do
		run_variant "${levels_of[levels]}" $levels
	done
	[ "$failed" -gt 0 ] || rm -rf "$work"
	echo "$passed passed, $failed failed, 0 skipped"
	[ "$failed" -eq 0 ]
}


size_of() {
	stat -c %s "$1" 2>/dev/null || echo 0
}
