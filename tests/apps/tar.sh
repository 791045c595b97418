#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tar.sh - tar and gzip with a pipe between them that is always full.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(tar gzip seq)
outputs=(archive.gz)

prepare() {
	local i

	mkdir data
	for i in 1 2 3 4 5 6; do
		seq $((i * 1000000)) $((i * 1000000 + 700000 * scale)) >"data/numbers-$i"
	done
	truncate -s 1M data/sparse
	ln -s numbers-1 data/link
}

command() {
	echo "tar --sort=name --mtime=@0 --owner=0 --group=0 -cf - data | gzip -6 -n >archive.gz"
}

midway() {
	[ "$(size_of archive.gz)" -gt 1000000 ]
}

inspect() {
	gzip -t archive.gz || fail "the archive is damaged"
}

app_main "$@"
