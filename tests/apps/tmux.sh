#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tmux.sh - a tmux server with vim in one window and a shell with jobs in another: dumped, killed, restored,
# and a client talks to it before and after.
# shellcheck disable=SC2317 # checks are called by name
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

for program in tmux vim; do
	PATH=/usr/bin:/bin type -P $program >/dev/null || { echo "skip app_tmux: $program is not installed" && exit 0; }
done
begin app_tmux

tm() {
	env -i PATH=/usr/bin:/bin HOME="$dir" TERM=screen LANG=C TMUX_TMPDIR="$dir" tmux -L job -f /dev/null "$@"
}

shows() {
	local window=$1 text=$2

	tm capture-pane -p -t "work:$window" | grep -qF -- "$text"
}

server() {
	local numbers

	numbers=$(tm display -p '#{pid}' 2>/dev/null) || return 1
	[ -n "$numbers" ] && root=$numbers
}

start_server() {
	cd "$dir" || return
	printf 'line one\nline two\n' >file
	tm new-session -d -x 80 -y 24 -s work -n vim "vim -u NONE -i NONE -n file" </dev/null || return
	tm new-window -t work:1 -n shell "env PS1='shell> ' bash --norc -i" || return
	wait_until server && note_tree "$root"
}

use_before() {
	wait_until shows 0 "line one" || return
	tm send-keys -t work:0 ihello
	wait_until shows 0 "helloline one" || return
	wait_until shows 1 'shell>' || return
	tm send-keys -t work:1 'n=0; sleep 1000 & cat; echo back $((40 + 2))' Enter
	tm send-keys -t work:1 'echoed' Enter
	wait_until shows 1 echoed || return
	tm send-keys -t work:1 C-z
	wait_until shows 1 Stopped || return
	tm send-keys -t work:1 'jobs' Enter
	wait_until shows 1 Running || return
	tm send-keys -t work:1 'half a li'
	wait_until shows 1 'half a li' || return
	note_tree "$root"
}

killed() {
	dump "$root" --kill && wait_until all_gone
}

# Insert mode is still on, and its end is the end of it.
vim_goes_on() {
	tm send-keys -t work:0 ' world, '
	wait_until shows 0 "hello world, line one" || return
	tm send-keys -t work:0 Escape ':wq' Enter
	wait_until grep -qx 'hello world, line one' file
}

shell_goes_on() {
	tm send-keys -t work:1 C-u 'jobs; fg %2' Enter
	wait_until shows 1 'cat' || return
	tm send-keys -t work:1 'again' Enter C-c
	tm send-keys -t work:1 'kill %1; wait; echo all $((1 + 1)) done' Enter
	wait_until shows 1 'all 2 done'
}

attach() {
	# a client on a terminal of its own, whose keyboard never ends: script(1) would send ^D, and the shell end
	mkfifo "$dir/keyboard"
	script -qc "env -i PATH=/usr/bin:/bin HOME=$dir TERM=screen LANG=C TMUX_TMPDIR=$dir tmux -L job attach -t work" /dev/null \
		<>"$dir/keyboard" >"$dir/client" 2>&1 &
	note_pid $!
	wait_until grep -q 'shell' "$dir/client"
}

check start start_server
check use use_before
check dump killed
check restore restore
check same-server server
check vim vim_goes_on
check shell shell_goes_on
check client attach
check new-window tm new-window -t work:5 -n last 'sleep 1000'
note_tree "$root"
check end tm kill-server
check gone wait_until all_gone
exit $failed
