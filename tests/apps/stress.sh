#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# stress.sh - stress-ng stressors in turn: dumped in mid-work, killed, restored; --verify must be content.
#
# Each is restored, or refused by name, or wrong: none may be wrong. The short list is for CI; --long takes
# all that work on memory, IPC, threads, signals and descriptors. -k NAME: one.
set -u
# What a stressor makes of System V and POSIX IPC outlives it when something goes wrong: not our namespace.
[ -n "${OWN_IPC-}" ] || OWN_IPC=1 exec unshare --ipc --mount --propagation private "$0" "$@"
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

short=(shm shm-sysv sem sem-sysv msg mq mmap mremap madvise mprotect vm memfd malloc mlock stack aio futex)
long=(atomic bad-altstack bigheap brk bsearch clock close context cpu dekker dev-shm dup env eventfd exit-group fault
	fcntl fifo fork full get heapsort hsearch itimer judy kill list locka lockf lockofd malloc matrix mcontend
	membarrier memcpy memrate memthrash mincore misaligned mlockmany mmapaddr mmapfixed mmapfork mmaphuge mmapmany
	msync munmap mutex nanosleep null numa pagemove peterson pipe pipeherd poll prctl prefetch pthread qsort randlist
	remap resched resources revio ring-pipe rmap schedpolicy sem seal set sigabrt sigchld sigfd sigfpe sigpending
	sigpipe sigq sigrt sigsegv sigsuspend signest sigtrap skiplist sleep spawn splice stackmmap str stream switch
	sysinfo tee timer timerfd tlb-shootdown tree tsearch urandom vfork vm-addr vm-rw vm-segv vm-splice wait wcs yield
	zero zombie)
stressors=("${short[@]}")
seconds=6
while [ $# -gt 0 ]; do
	case $1 in
	--long) stressors=("${short[@]}" "${long[@]}") ;;
	-k) stressors=("$2") && shift ;;
	*) echo "Usage: tests/apps/stress.sh [--long] [-k STRESSOR]" >&2 && exit 2 ;;
	esac
	shift
done

has_ended() {
	[ -s "$dir/work/status" ]
}

start_stressor() {
	mkdir -p "$dir/work" "$dir/fx"
	chmod 777 "$dir/fx" "$dir/work"
	cd "$dir/work" || fail "no working directory"
	env -i PATH=/usr/bin:/bin LANG=C HOME=/ setsid "$fixture" -n 1 -x "$dir/fx" /bin/bash -c \
		"stress-ng --$stressor 1 --verify -t $1 --no-rand-seed --temp-path . -q; echo \$? >status" \
		</dev/null >out 2>err &
	starter=$!
	wait_until any_exists "$dir/fx/root.pid" || fail "it did not start"
	root=$(<"$dir/fx/root.pid")
}

# What stress-ng itself cannot do here says nothing about us.
judge_alone() {
	case $1 in
	0) ;;
	3 | 4) skip "stress-ng cannot run it here" ;;
	*) fail "even undisturbed it ends with $1: $(head -c 200 err)" ;;
	esac
}

# With a signal for the stressor's own alarm to come after the restore, whatever the pace: one of $1 seconds, or of
# more where that was over before the dump came to it.
one_stressor() {
	local status

	start_stressor "$1"
	sleep 1
	if has_ended; then
		wait "$starter"
		judge_alone "$(<status)"
		skip "it ends by itself at once"
	fi
	note_tree "$root"
	note_pid "$starter"
	dump "$root" --kill
	status=$?
	if [ $status -eq 3 ]; then
		grep -q '^bpf-ckpt: .*: .*: ' "$dir/log" || fail "refused without a word"
		wait_until has_ended || fail "refused, and it does not end"
		wait "$starter"
		echo "ok refused: $(grep '^bpf-ckpt: ' "$dir/log" | grep -v ' warning: ' | head -n 1 | cut -c11-150)" >"$dir/verdict"
		exit 0
	fi
	if [ $status -ne 0 ] && has_ended && [ "$1" -lt 30 ]; then
		wait "$starter"
		cd / && rm -rf "$dir/work" "$dir/fx"
		: >"$dir/pids"
		one_stressor $(($1 * 3))
		return
	fi
	[ $status -eq 0 ] || fail "dump gives $status: $(last_words)"
	wait "$starter" 2>/dev/null
	wait_until all_gone || fail "dump --kill has left a task"
	restore || fail "restore gives $?: $(last_words)"
	wait_until has_ended || fail "it does not end after the restore"
	[ "$(<status)" = 0 ] || fail "it ends with $(<status): $(head -c 250 err out)"
	wait_until all_gone || fail "something is left behind"
	echo "ok restored" >"$dir/verdict"
}

run_stressor() {
	local dir=$work/$stressor verdict

	mkdir -p "$dir"
	: >"$dir/log"
	: >"$dir/pids"
	(
		trap 'kill_noted; [ -z "${starter-}" ] || kill_own "$starter" "$(start_time "$starter")"' EXIT
		one_stressor $seconds
	) 2>>"$dir/shell"
	read -r verdict <"$dir/verdict" || verdict="not ok the test itself broke off: $(tail -n 1 "$dir/shell")"
	case $verdict in
	ok*) echo "ok stress_$stressor (${verdict#ok })" && passed=$((passed + 1)) && rm -rf "$dir" ;;
	skip*) echo "skip stress_$stressor: ${verdict#skip }" && skipped=$((skipped + 1)) && rm -rf "$dir" ;;
	*) echo "not ok stress_$stressor: wrong: ${verdict#not ok } (log: $dir)" && failed=$((failed + 1)) ;;
	esac
}

if ! PATH=/usr/bin:/bin type -P stress-ng >/dev/null; then
	echo "skip app_stress: stress-ng is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/bpf-ckpt-stress.XXXXXX") || exit 1
chmod 755 "$work"
passed=0 failed=0 skipped=0
for stressor in "${stressors[@]}"; do
	run_stressor
done
[ "$failed" -gt 0 ] || rm -rf "$work"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
