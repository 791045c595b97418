#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bash.sh - a shell script with a pipeline of loops, subshells, jobs and traps.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(bash sed sort wc)

prepare() {
	cat >script <<-'END'
		count=$1
		trap 'echo "trap at the end"' EXIT
		words() {
			local i
			for ((i = 1; i <= count; i++)); do
				echo "word $i of $count"
			done
		}
		double() {
			local line
			while read -r line; do
				echo "$line / $(echo "$line" | wc -c)"
			done
		}
		words | double | sed 's/word/line/' | while read -r a b rest; do
			((b % 50)) || echo "at $b" >&2
			echo "$a-$b: $rest"
		done
		for job in 1 2 3; do
			(for ((i = 0; i < count * 50; i++)); do :; done; exit $job) &
		done
		wait %1; echo "first job: $?"
		wait
		declare -A square
		for ((i = 0; i < 100; i++)); do square[$i]=$((i * i)); done
		for i in "${!square[@]}"; do echo "$i ${square[$i]}"; done | sort -n
	END
}

command() {
	echo "bash script $((600 * scale))"
}

midway() {
	[ "$(size_of err)" -gt 20 ]
}

app_main "$@"
