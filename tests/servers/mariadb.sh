#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mariadb.sh - MariaDB with a client that commits rows one by one and stays connected.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(mariadbd mariadb mariadb-install-db)

prepare() {
	mkdir data
	chown mysql data
	mariadb-install-db --no-defaults --user=mysql --datadir="$PWD/data" --auth-root-authentication-method=normal \
		--skip-test-db
}

command() {
	echo "mariadbd --no-defaults --user=mysql --datadir=$PWD/data --socket=$PWD/data/socket --pid-file=$PWD/data/pid \
		--port=$port --bind-address=$host --innodb-use-native-aio=0 --innodb-buffer-pool-size=32M --innodb-log-file-size=16M"
}

ask() {
	mariadb --no-defaults -h "$host" -P "$port" --protocol=tcp -u root -N -B "$@"
}

answers() {
	[ "$(ask -e 'select 1' 2>/dev/null)" = 1 ]
}

fill() {
	ask -e 'create database d; create table d.t (n int primary key, v varchar(40)) engine=innodb' &&
		ask -e 'insert into d.t values (0, "first")'
}

# Each line is a transaction of its own over one connection; -vv says what was done.
talk() {
	for ((n = 1; n <= 4000; n++)); do
		echo "insert into d.t values ($n, md5($n));"
		[ $((n % 400)) -ne 0 ] || echo "do sleep(1);"
	done | ask
}

inspect() {
	[ "$(ask -e 'select count(*) from d.t')" = 4001 ] &&
		[ "$(ask -e 'select count(*) from d.t where n > 0 and v <> convert(md5(n) using latin1)')" = 0 ] &&
		ask -e 'check table d.t' | grep -q OK
}

server_main "$@"
