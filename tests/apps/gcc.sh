#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# gcc.sh - gcc compiling something long: the driver, cc1 and as.
. "$(dirname "$0")/lib.sh"
for i in $(seq 600); do
	echo "int f$i(int *a, int n) { int s = $i; for (int i = 0; i < n; i++) { s ^= a[i] * $i; s += s << 3;"
	echo " if (s & $i) a[i] = s % (n + $i); else s -= a[(i * $i) % n]; } return s; }"
done > "$work/long.c"
app gcc progress sh -c 'cp "$1" long.c; echo begun > progress; gcc -O2 -S -o out.s long.c && mv out.s result && touch result.done' sh "$work/long.c"
