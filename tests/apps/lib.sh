# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# lib.sh - a real program is dumped in the middle of its work, killed, restored; its output must be
# byte for byte that of an undisturbed run.
set -u
cd "$(dirname "$0")/../.." || exit 1
for fd in $(ls /proc/$$/fd); do [ "$fd" -gt 2 ] && [ "$fd" -ne 255 ] && eval "exec $fd>&-"; done
ckpt=$PWD/build/bpf-ckpt
work=$(mktemp -d /tmp/bpf-ckpt-app.XXXXXX)
root= starter=
cleanup() {
	[ -n "$root" ] && kill -9 "$root" 2>/dev/null
	[ -n "$starter" ] && kill -9 -- "-$starter" 2>/dev/null && wait "$starter" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT

# app NAME PROGRESS COMMAND...: the command runs in a directory of its own and writes "result" there;
# PROGRESS is a file that grows while it works. Twice: as a plain tree, and as a pid namespace.
app() {
	local name=$1 progress=$2 variant
	shift 2
	mkdir -p "$work/plain"
	if ! (cd "$work/plain" && "$@" < /dev/null > log 2>&1); then
		echo "not ok app/$name: the undisturbed run failed: $(tail -n 1 "$work/plain/log")"
		return
	fi
	for variant in host pidns; do
		rm -rf "$work/run"
		mkdir "$work/run"
		disturbed "$progress" "$@" > "$work/why" 2>&1 && cmp "$work/plain/result" "$work/run/result" \
			>> "$work/why" 2>&1 && echo "ok app/$name@$variant" ||
			echo "not ok app/$name@$variant: $(tr '\n' ' ' < "$work/why" | cut -c1-300)"
	done
}

wait_for() {
	local i

	for i in $(seq 400); do
		"$@" && return 0
		sleep 0.02
	done
	return 1
}
has_grown() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$2" ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

disturbed() {
	local progress=$work/run/$1 status i wrap=()
	shift
	[ "$variant" = pidns ] && wrap=(unshare --pid --fork setsid)
	(cd "$work/run" && exec setsid "${wrap[@]}" "$@" < /dev/null > log 2>&1) &
	starter=$!
	wait_for has_grown "$progress" 0 || { echo "it made no progress"; return 1; }
	root=$starter
	[ "$variant" = pidns ] && root=$(pgrep -P "$starter")
	$ckpt dump "$root" -o "$work/img" --kill || return 1
	wait "$starter" 2>/dev/null
	starter=
	[ -e "$work/run/result.done" ] && { echo "it was over before the dump"; return 1; }
	for i in $(seq 80); do
		$ckpt restore "$work/img" -d --verify --pidfile "$work/pid" 2> "$work/err"
		status=$?
		[ $status -eq 5 ] || break
		sleep 0.1 # its old numbers are free once init has reaped them
	done
	[ $status -eq 0 ] || { cat "$work/err"; root=; return 1; }
	root=$(cat "$work/pid")
	for i in $(seq 1500); do
		is_gone "$root" && break
		sleep 0.04
	done
	is_gone "$root" || { echo "it does not end"; return 1; }
	root=
}
