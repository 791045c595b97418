#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# sqlite.sh - sqlite3 in the middle of a transaction, with a rollback journal.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(sqlite3)
outputs=(out rows)

prepare() {
	local i

	{
		echo "PRAGMA journal_mode=delete; PRAGMA cache_size=50;"
		echo "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, s TEXT); CREATE INDEX ts ON t (s);"
		echo "INSERT INTO t (n, s) VALUES (0, 'before');"
		echo "BEGIN;"
		for ((i = 1; i <= 60 * scale; i++)); do
			echo "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000)"
			echo "INSERT INTO t (n, s) SELECT x, hex(x * 7919 % 10007) || '-$i' FROM c;"
			echo "UPDATE t SET n = n + 1 WHERE id % 97 = $i % 97;"
			echo ".print at $i"
		done
		echo "COMMIT;"
		echo "SELECT count(*), sum(n) FROM t;"
		echo "PRAGMA integrity_check;"
	} >script.sql
}

command() {
	echo "sqlite3 -batch base.db <script.sql && sqlite3 base.db .dump >rows"
}

midway() {
	[ "$(size_of out)" -gt 60 ] && [ -e base.db-journal ]
}

inspect() {
	[ "$(tail -n 1 out)" = ok ] || fail "integrity_check says $(tail -n 1 out)"
	! [ -e base.db-journal ] || fail "the journal is left over"
}

app_main "$@"
