#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bad_input.sh - whatever is wrong: a clear message, the right status, nothing lost, nothing left.
# shellcheck disable=SC2317 # the tests are called by name
set -u
# Some tests mount: nobody else may see that.
[ -n "${PRIVATE_MOUNTS-}" ] || PRIVATE_MOUNTS=1 exec unshare -m --propagation private "$0" "$@"
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- helpers: each test runs in a subshell with its own $dir ----

# start KIND [OPTIONS]: a fixture; sets root and starter.
start() {
	local kind=$1

	shift
	mkdir -p "$dir/fx"
	env -i PATH="$PATH" LANG=C HOME=/ setsid "$fixture" "$@" "$kind" "$dir/fx" \
		</dev/null >"$dir/out" 2>&1 &
	starter=$!
	wait_until any_exists "$dir/fx/ready" "$dir/fx/result" || fail "fixture $kind never got ready"
	root=$(<"$dir/fx/root.pid")
	note_tree "$root"
	note_pid "$starter"
}

# The fixture says that it is well, and ends.
still_well() {
	: >"$dir/fx/go"
	wait_until any_exists "$dir/fx/result" || fail "the target does not answer any more"
	[ "$(<"$dir/fx/result")" = ok ] || fail "the target says $(<"$dir/fx/result")"
	wait_until all_gone || fail "something is left behind"
}

# expect STATUS PATTERN COMMAND...: runs it; the status is one of STATUS (glob), a line matches.
expect() {
	local want=$1 pattern=$2 status

	shift 2
	echo "--- $*" >>"$dir/log"
	"$@" >"$dir/said" 2>&1 </dev/null
	status=$?
	cat "$dir/said" >>"$dir/log"
	# shellcheck disable=SC2053
	[[ $status == $want ]] || fail "status $status, not $want: $* : $(head -c 300 "$dir/said")"
	[ -z "$pattern" ] || grep -qiE -- "$pattern" "$dir/said" || fail "no word of \"$pattern\": $(head -c 300 "$dir/said")"
}

no_image() {
	local left

	left=$(find "$1" -maxdepth 1 -type f | head -n 3)
	[ -z "$left" ] || fail "a file was left: $left"
}

# An image of a fixture that was killed; $dir/image, $root.
make_image() {
	start "${1:-vma_brk}"
	dump "$root" --kill || fail "dump gives $?: $(last_words)"
	wait "$starter" 2>/dev/null
	wait_until all_gone || fail "dump --kill has left a task"
}

no_task_left() {
	local pid start

	while read -r pid start; do
		! [ -e "/proc/$pid" ] || [[ $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") != *"$dir"* ]] ||
			fail "task $pid was left behind"
	done <"$dir/pids"
}

# ---- targets ----

test_usage() {
	expect 2 . "$tool"
	expect 2 'no command|unknown' "$tool" nonsense
	expect 2 . "$tool" dump
	expect 2 . "$tool" dump 1x -o "$dir/image"
	expect 2 . "$tool" dump $$ --no-such-option
	expect 2 . "$tool" dump -5 -o "$dir/image"
	expect 2 . "$tool" restore
	expect 2 . "$tool" verify
	no_image "$dir/images"
}

test_no_such_pid() {
	sleep 0 &
	local gone=$!

	wait $gone
	expect 1 "$gone" "$tool" dump $gone -o "$dir/images/image"
	no_image "$dir/images"
}

test_kernel_thread() {
	expect '[13]' 'kernel' "$tool" dump 2 -o "$dir/images/image"
	no_image "$dir/images"
}

test_system_init() {
	expect '[13]' . "$tool" dump 1 -o "$dir/images/image"
	no_image "$dir/images"
}

test_ourselves() {
	expect '[13]' . "$tool" dump $$ -o "$dir/images/image"
	expect '[13]' . "$tool" dump $BASHPID -o "$dir/images/image"
	no_image "$dir/images"
}

# It ends by itself: by mark, and after 30000 forks.
test_fork_storm() {
	local n

	mkdir "$dir/fx"
	# shellcheck disable=SC2016
	setsid "$fixture" -x "$dir/fx" bash -c \
		'for ((i = 0; i < 30000; i++)); do [ -e "$1" ] && exit 0; (:) & wait; done' \
		storm "$dir/stop" </dev/null >/dev/null 2>&1 &
	root=$!
	note_pid "$root"
	for n in 1 2 3; do
		expect '[01]' '' "$tool" dump "$root" -o "$dir/images/image"
		lives "$root" "$(start_time "$root")" || fail "it is gone"
		rm -f "$dir/images/image"
	done
	: >"$dir/stop"
	wait "$root"
	local status=$?

	[ $status -eq 0 ] || fail "it ended with $status"
	no_image "$dir/images"
}

test_traced() {
	start refuse_traced
	expect '[13]' 'trace' "$tool" dump "$root" -o "$dir/images/image"
	no_image "$dir/images"
	still_well
}

# All of it by name, at once, before a byte is written.
test_refused() {
	local kind

	start refuse
	expect 3 . "$tool" dump "$root" -o "$dir/images/image"
	for kind in eventpoll timerfd signalfd inotify pidfd socket ptmx; do
		grep -qi "$kind" "$dir/said" || fail "$kind is not named: $(head -c 600 "$dir/said")"
	done
	no_image "$dir/images"
	expect 3 eventpoll "$tool" check "$root"
	for kind in eventpoll timerfd signalfd inotify pidfd socket ptmx; do
		grep -qi "$kind" "$dir/said" || fail "check does not name $kind"
	done
	still_well
}

test_no_capabilities() {
	start vma_brk
	cp "$tool" "$dir/tool"
	expect '[13]' 'CAP_|root|capabilit|privilege' setpriv --bounding-set=-all --inh-caps=-all \
		"$dir/tool" dump "$root" -o "$dir/images/image"
	[ "$(wc -l <"$dir/said")" -eq 1 ] || fail "more than one line: $(head -c 300 "$dir/said")"
	no_image "$dir/images"
	expect '[13]' 'CAP_|root|capabilit|privilege' setpriv --reuid=65534 --regid=65534 \
		--clear-groups --bounding-set=-all --inh-caps=-all "$dir/tool" dump "$root" -o -
	still_well
}

# ---- places ----

# Runs a command with $dir/images on a file system mounted with options $1.
on_tmpfs() {
	local status

	mount -t tmpfs -o "$1" tmpfs "$dir/images" || return 99
	shift
	"$@"
	status=$?
	ls -A "$dir/images" >"$dir/images.left"
	umount "$dir/images"
	return $status
}

test_no_space() {
	start vma_anon
	expect 1 'space' on_tmpfs size=1m "$tool" dump "$root" -o "$dir/images/image"
	! [ -s "$dir/images.left" ] || fail "left: $(<"$dir/images.left")"
	still_well
}

test_unwritable() {
	start vma_brk
	expect 1 'read-only' on_tmpfs ro "$tool" dump "$root" -o "$dir/images/image"
	expect 1 'no such file' "$tool" dump "$root" -o "$dir/nowhere/image"
	expect 1 'director' "$tool" dump "$root" -o "$dir/images"
	expect 1 'full|space' "$tool" dump "$root" -o /dev/full
	still_well
}

# ---- the dumper dies ----

test_killed_dumper() {
	local n tracer

	start vma_anon
	for n in $(seq 25); do
		"$tool" dump "$root" -o "$dir/images/image" >>"$dir/log" 2>&1 &
		local dumper=$!

		sleep "0.$(printf %03d $((n * 37 % 400)))"
		kill -KILL $dumper 2>/dev/null
		wait $dumper 2>/dev/null
		tracer=$(sed -n 's/^TracerPid:\t//p' "/proc/$root/status") || fail "the target is gone"
		[ "$tracer" = 0 ] || fail "it is traced by $tracer"
		if [ -e "$dir/images/image" ]; then
			expect 0 '' "$tool" verify "$dir/images/image"
			rm "$dir/images/image"
		fi
	done
	: >"$dir/fx/check.1"
	wait_until any_exists "$dir/fx/result.1" || fail "the target hangs"
	still_well
}

# ---- images ----

refused_image() {
	expect 4 . "$tool" verify "$1"
	expect 4 . "$tool" restore "$1" -d --pidfile "$dir/pidfile"
	! [ -e "$dir/pidfile" ] || fail "there is a pidfile"
	no_task_left
}

test_not_an_image() {
	make_image
	: >"$dir/bad"
	refused_image "$dir/bad"
	head -c 100000 /dev/zero >"$dir/bad"
	refused_image "$dir/bad"
	head -c 100000 /dev/urandom >"$dir/bad"
	refused_image "$dir/bad"
	refused_image "$tool"
	{ cat "$dir/image" && echo; } >"$dir/bad"
	refused_image "$dir/bad"
	expect 1 'no such file' "$tool" verify "$dir/nowhere"
	expect 1 . "$tool" verify "$dir"
	expect 4 . "$tool" show /dev/null
}

# Record borders are multiples of eight: the first ones all, then some of each region.
test_truncated() {
	local size at

	make_image
	size=$(stat -c %s "$dir/image")
	for at in $(seq 0 8 400) $(seq 408 104 4000) $(seq 4096 $(((size / 90 | 7) + 1)) $((size - 1))) \
		$((size - 256)) $((size - 64)) $((size - 16)) $((size - 8)) $((size - 1)); do
		head -c "$at" "$dir/image" >"$dir/bad"
		expect 4 . "$tool" verify "$dir/bad"
	done
	for at in 0 8 64 4096 $((size / 2)) $((size - 8)) $((size - 1)); do
		head -c "$at" "$dir/image" >"$dir/bad"
		refused_image "$dir/bad"
	done
}

# flip OFFSET BIT: in $dir/bad
flip() {
	local byte

	byte=$(od -An -tu1 -j "$1" -N 1 "$dir/image")
	# shellcheck disable=SC2059
	printf "\\x$(printf %02x $((byte ^ (1 << $2))))" |
		dd of="$dir/bad" bs=1 seek="$1" conv=notrunc status=none
}

test_flipped() {
	local size at

	make_image
	size=$(stat -c %s "$dir/image")
	for at in $(seq 0 5 400) $(seq 401 $((size / 150 + 3)) $((size - 1))) \
		$(seq $((size - 120)) 3 $((size - 1))); do
		cp "$dir/image" "$dir/bad"
		flip "$at" $((at % 8))
		expect 4 . "$tool" verify "$dir/bad"
		((at % 10)) || refused_image "$dir/bad"
	done
}

test_taken() {
	start vma_brk
	dump "$root" --leave-running || fail "dump gives $?"
	expect 5 "$root.*fixture" "$tool" restore "$dir/image" -d --pidfile "$dir/pidfile"
	! [ -e "$dir/pidfile" ] || fail "there is a pidfile"
	still_well
}

# ---- files that changed between dump and restore ----

# A copy of the fixture as executable, so that it can be replaced.
make_image_of_copy() {
	cp "$fixture" "$dir/copy"
	fixture=$dir/copy
	make_image "$@"
}

test_changed_executable() {
	make_image_of_copy
	echo >>"$dir/copy"
	expect '[145]' "$dir/copy" "$tool" restore "$dir/image" -d
	no_task_left
	rm "$dir/copy"
	expect '[145]' "$dir/copy" "$tool" restore "$dir/image" -d
	no_task_left
	expect '[145]' "$dir/copy" "$tool" verify "$dir/image"
}

test_changed_mapping() {
	make_image vma_file
	echo more >>"$dir/fx/mapped"
	expect '[145]' "fx/mapped" "$tool" restore "$dir/image" -d
	no_task_left
	rm "$dir/fx/mapped"
	expect '[145]' "fx/mapped" "$tool" restore "$dir/image" -d
	no_task_left
}

test_missing_file() {
	make_image file
	rm "$dir/fx/read-only"
	expect '[145]' "fx/read-only" "$tool" restore "$dir/image" -d
	no_task_left
}

test_missing_directory() {
	make_image fs
	rm -rf "$dir/fx/a b"*
	expect '[145]' 'a b' "$tool" restore "$dir/image" -d
	no_task_left
}

# ---- running them ----

run_one() {
	local name=$1 dir=$work/$1 verdict

	mkdir -p "$dir/images"
	: >"$dir/log"
	: >"$dir/pids"
	(
		trap 'kill_noted; rm -rf "$dir/fx"' EXIT
		"test_$name"
		[ -e "$dir/verdict" ] || echo ok >"$dir/verdict"
	) 2>>"$dir/shell"
	read -r verdict <"$dir/verdict" || verdict="not ok the test itself broke off: $(tail -n 1 "$dir/shell")"
	case $verdict in
	ok) echo "ok bad_$name" && passed=$((passed + 1)) ;;
	*) echo "not ok bad_$name: ${verdict#not ok } (log: $dir)" && failed=$((failed + 1)) ;;
	esac
}

work=$(mktemp -d "${TMPDIR:-/tmp}/bpf-ckpt-bad.XXXXXX") || exit 1
chmod 755 "$work"
passed=0
failed=0
for test in $(declare -F | sed -n 's/^declare -f test_//p'); do
	# shellcheck disable=SC2053
	[ $# -eq 0 ] || [[ $test == $1 ]] || continue
	run_one "$test"
done
[ "$failed" -gt 0 ] || rm -rf "$work"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
