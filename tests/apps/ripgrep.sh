#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ripgrep.sh - rg, in Rust: several threads that search many files, again and again.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(rg seq split)

prepare() {
	mkdir corpus
	seq 1 400000 | split -l 2000 - corpus/part.
}

command() {
	echo "for ((i = 0; i < $((60 * scale)); i++)); do echo \"round \$i\"; rg -j 4 --no-messages --sort path -c \"\$((i % 90 + 10)).*7\$\" corpus; rg -j 4 '(9|1)[0-4]+7\$' corpus | sort | cksum; done"
}

midway() {
	[ "$(grep -c round out)" -gt 5 ]
}

app_main "$@"
