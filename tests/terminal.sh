# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# terminal.sh - a terminal that a script types into and reads, by a tmux of its own; after begin of lib.sh.

# terminal start COLUMNS LINES COMMAND | type KEY... | screen | shows TEXT | resize COLUMNS LINES | end
terminal() {
	local what=$1
	local -a tmux=(env -u TMUX tmux -f /dev/null -S "$dir/tmux")

	shift
	case $what in
	start) TERM=xterm-256color "${tmux[@]}" new-session -d -x "$1" -y "$2" "$3" &&
		note_pid "$("${tmux[@]}" display -p '#{pid}')" ;;
	type) "${tmux[@]}" send-keys "$@" ;;
	screen) "${tmux[@]}" capture-pane -p ;;
	shows) "${tmux[@]}" capture-pane -p | grep -qF -- "$1" ;;
	resize) "${tmux[@]}" resize-window -x "$1" -y "$2" ;;
	end) "${tmux[@]}" kill-server 2>/dev/null ;;
	esac
}
