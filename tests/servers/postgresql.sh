#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# postgresql.sh - PostgreSQL under pgbench: connections are kept, no acknowledged commit is lost.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

bin=$(echo /usr/lib/postgresql/*/bin)
needs=(runuser setpriv "$bin/postgres" "$bin/pgbench" "$bin/pg_amcheck")

end_signal=INT # fast shutdown

as_postgres() {
	runuser -u postgres -- "$@"
}

prepare() {
	mkdir data socket
	chown postgres data socket
	as_postgres "$bin/initdb" -D "$PWD/data" -A trust --data-checksums -N
}

command() {
	echo "setpriv --reuid=postgres --regid=postgres --init-groups $bin/postgres -D $PWD/data -p $port -k $PWD/socket -c listen_addresses=$host"
}

ask() {
	as_postgres "$bin/psql" -h "$host" -p "$port" -At -d postgres -c "$1"
}

answers() {
	[ "$(ask 'select 1' 2>/dev/null)" = 1 ]
}

fill() {
	as_postgres "$bin/pgbench" -h "$host" -p "$port" -i -s 2 postgres
}

talk() {
	as_postgres "$bin/pgbench" -h "$host" -p "$port" -c 4 -T "$seconds" postgres &&
		grep -q 'number of failed transactions: 0' "$dir/client.out"
}

# Every transaction moves one amount in four tables; what pgbench counts was acknowledged.
inspect() {
	local done sums

	done=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$dir/client.out")
	[ "$(ask 'select count(*) from pgbench_history')" -ge "$done" ] || { echo "fewer than $done commits"; return 1; }
	sums=$(ask 'select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history)
		and (select sum(tbalance) from pgbench_tellers) = (select sum(bbalance) from pgbench_branches)')
	[ "$sums" = t ] || { echo "sums differ"; return 1; }
	ask 'create extension if not exists amcheck' &&
		as_postgres "$bin/pg_amcheck" -h "$host" -p "$port" -d postgres --heapallindexed
}

server_main "$@"
