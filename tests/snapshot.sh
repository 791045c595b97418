#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# snapshot.sh - twenty snapshots of a busy target: not one of its system calls notices.
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

one_kind() {
	local kind=$1 want=$2 rounds=$3 n status

	mkdir "$dir/fx"
	env -i PATH="$PATH" LANG=C HOME=/ setsid "$fixture" "$kind" "$dir/fx" </dev/null >"$dir/out" 2>&1 &
	wait_until any_exists "$dir/fx/ready" "$dir/fx/result" || fail "it never got ready"
	root=$(<"$dir/fx/root.pid")
	note_tree "$root"
	for ((n = 1; n <= rounds; n++)); do
		dump "$root" --leave-running
		status=$?
		[ $status -eq "$want" ] || fail "dump $n gives $status, not $want: $(last_words)"
	done
	: >"$dir/fx/go"
	wait_until any_exists "$dir/fx/result" || fail "the target does not answer any more"
	[ "$(<"$dir/fx/result")" = ok ] || fail "$(tr '\n' ';' <"$dir/fx/result")"
	wait
}

run_kind() {
	local dir=$work/$1 verdict

	mkdir "$dir"
	: >"$dir/log"
	: >"$dir/pids"
	(
		trap 'kill_noted; rm -rf "$dir/fx"' EXIT
		one_kind "$@"
		echo ok >"$dir/verdict"
	) 2>>"$dir/shell"
	read -r verdict <"$dir/verdict" || verdict="not ok the test itself broke off"
	case $verdict in
	ok) echo "ok snapshot_$1" && passed=$((passed + 1)) ;;
	*) echo "not ok snapshot_$1: ${verdict#not ok } (log: $dir)" && failed=$((failed + 1)) ;;
	esac
}

work=$(mktemp -d "${TMPDIR:-/tmp}/bpf-ckpt-snapshot.XXXXXX") || exit 1
passed=0
failed=0
run_kind busy 0 20
run_kind busy_special 3 5 # refused, after it was stopped: not noticed either
[ "$failed" -gt 0 ] || rm -rf "$work"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
