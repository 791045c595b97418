# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# lib.sh - a real server: snapshots under load, then dumped, killed, restored while a client talks to it.
#
# A server script defines, and then calls server_main "$@":
#   needs      names of the programs it uses
#   prepare    makes what it needs in the current directory, once
#   command    prints the shell command that becomes the server, on $port of 127.0.0.1
#   answers    succeeds when it serves
#   fill       (optional) puts data into it
#   talk       a client outside of the tree with connections that stay open over everything, for about
#              $seconds; its status is whether all it asked for was done
#   inspect    what was put in is there; succeeds when it is
# The client's connections are kept (--tcp-established): it sees a server that is slow once.
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

server=$(basename "$0" .sh)
host=127.0.0.1
seconds=${SERVER_SECONDS:-6} # that the client talks, at least
tcp=(--tcp-established)

fill() {
	:
}

# talk of web servers, about path $1: no request fails, on connections that stay.
talk_http() {
	wrk -c 8 -t 1 -d "${seconds}s" --timeout 8s "http://$host:$port/$1" &&
		! grep -E 'Socket errors|Non-2xx' "$dir/client.out"
}

start_server() {
	mkdir -p "$dir/work" "$dir/fx"
	chmod 777 "$dir" "$dir/fx" "$dir/work"
	cd "$dir/work" || fail "no working directory"
	choose_port
	prepare >"$dir/prepared" 2>&1 || fail "prepare: $(tail -n 1 "$dir/prepared")"
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C HOME=/ setsid "$fixture" -n "$levels" -x "$dir/fx" \
		/bin/bash -c "exec $(command)" </dev/null >out 2>err &
	starter=$!
	wait_until any_exists "$dir/fx/root.pid" || fail "it did not start"
	root=$(<"$dir/fx/root.pid")
	wait_until answers || fail "it does not answer: $(tail -n 1 err) $(tail -n 1 out)"
	note_tree "$root"
	note_pid "$starter"
	fill >"$dir/filled" 2>&1 || fail "fill: $(tail -n 1 "$dir/filled")"
}

start_client() {
	(talk) </dev/null >"$dir/client.out" 2>"$dir/client.err" &
	client=$!
	note_pid "$client"
	sleep 1
	kill -0 "$client" 2>/dev/null || wait "$client" || fail "the client ended at once: $(tail -n 1 "$dir/client.err")"
}

snapshots() {
	local n status

	for n in 1 2 3; do
		dump "$root" --leave-running
		status=$?
		[ $status -eq 0 ] || fail "snapshot $n gives $status: $(last_words)"
		sleep 0.3
	done
}

kill_and_restore() {
	local status

	note_tree "$root" # who was born since
	dump "$root" --kill
	status=$?
	[ $status -eq 0 ] || fail "dump gives $status: $(last_words)"
	wait "$starter" 2>/dev/null
	sleep 0.5
	restore || fail "restore gives $?: $(last_words)"
}

# By itself, as servers clean up after themselves. In a pid namespace the root task is its init.
end_server() {
	local pid=$root born

	[ "$levels" -eq 0 ] || pid=$(ps -o pid= --ppid "$root" | head -n 1 | tr -d ' ')
	born=$(start_time "$pid")
	kill_own "$pid" "$born" "${end_signal-TERM}"
	wait_until has_ended || fail "it does not end when it is told to"
}

has_ended() {
	! lives "$pid" "$born" || [ "$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null)" = Z ]
}

one_server() {
	start_server
	start_client
	snapshots
	kill_and_restore
	sleep 0.5
	kill_and_restore
	wait "$client" || fail "the client failed: $(tail -n 2 "$dir/client.err" "$dir/client.out" | tr '\n' ' ' | cut -c1-300)"
	answers || fail "it does not answer any more"
	inspect >"$dir/inspected" 2>&1 || fail "inspect: $(tail -n 1 "$dir/inspected")"
	end_server
	echo ok >"$dir/verdict"
}

run_variant() {
	local variant=$1 levels=$2 dir=$work/$1 verdict

	mkdir -p "$dir"
	: >"$dir/log"
	: >"$dir/pids"
	(
		trap 'note_tree "${root-0}"; kill_noted' EXIT
		one_server
	) 2>>"$dir/shell"
	read -r verdict <"$dir/verdict" || verdict="not ok the test itself broke off: $(tail -n 1 "$dir/shell")"
	case $verdict in
	ok) echo "ok server_$server@$variant" ;;
	skip*) echo "skip server_$server@$variant: ${verdict#skip }" ;;
	*) echo "not ok server_$server@$variant: ${verdict#not ok } (log: $dir)" && bad=1 ;;
	esac
}

server_main() {
	local program bad=0

	for program in "${needs[@]}"; do
		if ! PATH=/usr/sbin:/usr/bin:/sbin:/bin type -P "$program" >/dev/null; then
			echo "skip server_$server: $program is not installed"
			exit 0
		fi
	done
	work=$(mktemp -d "${TMPDIR:-/tmp}/bpf-ckpt-server.XXXXXX") || exit 1
	chmod 755 "$work"
	run_variant host 0
	run_variant pidns 1
	[ $bad -ne 0 ] || rm -rf "$work"
	exit $bad
}
