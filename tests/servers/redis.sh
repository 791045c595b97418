#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# redis.sh - Redis under redis-benchmark: its data set is kept, and its clients stay connected.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(redis-server redis-cli redis-benchmark)

prepare() {
	:
}

command() {
	echo "redis-server --port $port --bind $host --save '' --dir $PWD"
}

ask() {
	redis-cli -h "$host" -p "$port" "$@"
}

answers() {
	[ "$(ask ping 2>/dev/null)" = PONG ]
}

fill() {
	seq 1 20000 | sed 's/.*/set key:& value:&/' | ask --pipe
	ask get key:777 | grep -qx value:777
}

talk() {
	local end=$((SECONDS + seconds)) n=0

	while [ $SECONDS -lt $end ]; do
		redis-benchmark -h "$host" -p "$port" -c 8 -n 40000 -t set,get,incr,lpush -q || return 1
		n=$((n + 1))
	done
	[ $n -gt 0 ] && ! grep -i error "$dir/client.err"
}

inspect() {
	[ "$(ask dbsize)" -ge 20000 ] && [ "$(ask get key:1)" = value:1 ] && [ "$(ask get key:20000)" = value:20000 ]
}

server_main "$@"
