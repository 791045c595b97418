#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bash.sh - bash with a pipeline of three processes.
. "$(dirname "$0")/lib.sh"
app bash progress bash -c '
	i=0
	while [ $i -lt 4000 ]; do i=$((i + 1)); echo "line $i"; [ $((i % 50)) ] && echo $i >> progress; done |
		sed -u s/line/LINE/ | { while read -r l; do echo "got $l"; done > result; }
	touch result.done'
