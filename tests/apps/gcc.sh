#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# gcc.sh - gcc compiling something long: driver, compiler proper, temporary files.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(gcc awk)
outputs=(out result.s)

prepare() {
	awk -v n=$((1200 * scale)) 'BEGIN {
		print "#include <stdio.h>";
		print "#include <string.h>";
		for (i = 0; i < n; i++) {
			printf "static int f%d(int a, int b)\n{\n\tint t[16], i, s = a;\n", i;
			printf "\tfor (i = 0; i < 16; i++)\n\t\tt[i] = a * %d + (b ^ i) %% %d;\n", i * 7 + 3, i % 13 + 2;
			printf "\tfor (i = 0; i < 16; i++)\n\t\ts += t[(i * %d) & 15] * (s >> %d);\n", i % 7 + 1, i % 5;
			printf "\treturn s%s;\n}\n", i ? " + f" i - 1 "(b, s)" : "";
		}
		printf "int main(void)\n{\n\tprintf(\"%%d\\n\", f%d(1, 2));\n\treturn 0;\n}\n", n - 1;
	}' >input.c
	mkdir tmp
}

command() {
	echo "TMPDIR=\$PWD/tmp gcc -O2 -pipe -S input.c -o result.s"
}

midway() {
	[ "$(size_of result.s)" -gt 20000 ]
}

app_main "$@"
