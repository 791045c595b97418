# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# lib.sh - what all test scripts share: where things are, waiting, safe killing, checkpointing.

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$tests")
build=${BUILD:-$top/build}
tool=${BPF_CKPT:-$build/bpf-ckpt}
fixture=${FIXTURE:-$build/tests/fixture}
portrait=${PORTRAIT:-$build/tests/portrait}
tcp=() # what becomes of TCP connections, for dump and restore
patience=${PATIENCE:-60} # seconds until a test that hangs is given up

# Orphans are reaped at once below this: see fixture --reap.
[ -n "${ORPHANS_REAPED-}" ] || ORPHANS_REAPED=1 exec "$fixture" --reap "$0" "$@"

# Prints the start time of process $1: with the number, an identity.
start_time() {
	local stat

	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	stat=${stat##*) } # a name may hold anything, line ends too
	# shellcheck disable=SC2086
	set -- $stat
	[ $# -ge 20 ] && echo "${20}" # it may end while it is read
}

# Is process $1, started at $2, there?
lives() {
	[ "$(start_time "$1")" = "$2" ]
}

# Signals process $1 if it is still the one that started at $2: KILL, or signal $3.
kill_own() {
	lives "$1" "$2" && kill "-${3:-KILL}" "$1" 2>/dev/null
}

# Runs a command every 20 ms until it succeeds, or until patience ends.
wait_until() {
	local end=$((SECONDS + patience))

	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

any_exists() {
	local path

	for path; do
		[ -e "$path" ] && return 0
	done
	return 1
}

# Ends a test (a subshell): fail REASON..., skip REASON...
fail() {
	echo "not ok $*" >"$dir/verdict"
	exit 1
}

skip() {
	echo "skip $*" >"$dir/verdict"
	exit 0
}

# ---- processes of a test: $dir/pids holds "pid starttime" lines ----

note_tree() {
	"$portrait" -p "$1" >>"$dir/pids" 2>/dev/null
}

note_pid() {
	local start

	start=$(start_time "$1") && echo "$1 $start" >>"$dir/pids"
}

all_gone() {
	local pid start

	while read -r pid start; do
		! lives "$pid" "$start" || return 1
	done <"$dir/pids"
}

# " PID STATE SYSCALL;" of each that is still there: for whoever reads why a test hung.
who_waits() {
	local pid start

	while read -r pid start; do
		! lives "$pid" "$start" ||
			echo -n " $pid $(sed 's/.*) //; s/ .*//' "/proc/$pid/stat") $(cut -d' ' -f1-3 "/proc/$pid/syscall");"
	done < <(sort -u "$dir/pids")
}

# Whatever the test has started and is still there ends; stopped first, so that nobody sees another end.
kill_noted() {
	local pid start signal

	[ -e "$dir/pids" ] || return 0
	for signal in STOP KILL; do
		while read -r pid start; do
			kill_own "$pid" "$start" $signal
		done <"$dir/pids"
	done
}

# System V objects and files in memory outlive who made them: a fixture (in directory $1) names its own by
# marks ipc.KIND.ID.
remove_ipc() {
	local mark

	for mark in "$1"/ipc.*; do
		mark=${mark##*/ipc.}
		case $mark in
		f.*) rm -f "/dev/shm/${mark#f.}" ;;
		p.*) "$fixture" --mq-unlink "/${mark#p.}" ;;
		[msq].*) ipcrm "-${mark%%.*}" "${mark#*.}" 2>/dev/null ;;
		esac
	done
}

# A port that nobody listens on, below those that the kernel gives to clients: sets port.
choose_port() {
	local tries

	for ((tries = 0; tries < 50; tries++)); do
		port=$((10000 + (RANDOM + $$) % 20000))
		! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue
		return 0
	done
	fail "no free port"
}

# ---- checkpoint and restore ----

# dump PID OPTIONS...: into $dir/image; the status of the tool.
dump() {
	local pid=$1

	shift
	echo "--- dump $pid $*" >>"$dir/log"
	"$tool" dump "$pid" -o "$dir/image" "${tcp[@]}" "$@" >>"$dir/log" 2>&1
}

# restore: from $dir/image, sets $root. A number may have been taken by a stranger for a moment.
restore() {
	local try status

	for try in 1 2 3 4 5 6; do
		echo "--- restore, try $try" >>"$dir/log"
		rm -f "$dir/root.new"
		"$tool" restore "$dir/image" -d --pidfile "$dir/root.new" --verify "${tcp[@]}" >>"$dir/log" 2>&1
		status=$?
		[ $status -eq 5 ] || break
		sleep 0.3
	done
	[ $status -eq 0 ] || return $status
	root=$(<"$dir/root.new") || return 99
	note_tree "$root" || true # its work may be over already
}

last_words() {
	grep -vE '^---|: warning: ' "$dir/log" | tail -n 3 | tr '\n' ' ' | cut -c1-300
}

# ---- scripts of several checks, one after the other ----

# begin NAME: a directory, the processes noted there, the end of both; then check WHAT COMMAND...
begin() {
	name=$1
	work=$(mktemp -d "${TMPDIR:-/tmp}/bpf-ckpt-$name.XXXXXX") || exit 1
	dir=$work
	failed=0
	: >"$dir/pids"
	trap 'kill_noted; [ $failed -ne 0 ] || rm -rf "$work"' EXIT
}

check() {
	local what=$1

	shift
	if "$@" >"$dir/said" 2>&1; then
		echo "ok $name/$what"
	else
		echo "not ok $name/$what: $(cat "$dir/log" "$dir/said" 2>/dev/null | grep -v ': warning: ' | tail -n 2 | tr '\n' ' ' | cut -c1-400)"
		failed=1
	fi
}
