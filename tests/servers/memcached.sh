#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# memcached.sh - memcached with its threads: what was stored is there, for a client that stays connected.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(memcached python3)

prepare() {
	cat >client.py <<-'END'
		import socket, sys, time
		conns = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30) for _ in range(4)]
		files = [c.makefile("rwb") for c in conns]
		def say(f, text):
		    f.write(text.encode() + b"\r\n")
		    f.flush()
		end, n = time.monotonic() + float(sys.argv[2]), 0
		while n < 2000 or time.monotonic() < end:
		    f, key, value = files[n % 4], f"key{n % 2000}", f"value {n % 2000}"
		    say(f, f"set {key} 0 0 {len(value)}\r\n{value}")
		    assert f.readline() == b"STORED\r\n"
		    f = files[(n + 1) % 4]
		    say(f, f"get {key}")
		    assert f.readline().split()[1] == key.encode()
		    assert f.readline() == value.encode() + b"\r\n"
		    assert f.readline() == b"END\r\n"
		    n += 1
		print(n, "rounds")
	END
}

command() {
	echo "memcached -u nobody -p $port -U 0 -l $host -m 64"
}

answers() {
	printf 'version\r\nquit\r\n' | timeout 5 bash -c "exec 3<>/dev/tcp/$host/$port && cat >&3 && cat <&3" 2>/dev/null |
		grep -q VERSION
}

talk() {
	python3 client.py "$port" "$seconds"
}

inspect() {
	printf 'get key1999\r\nquit\r\n' | timeout 5 bash -c "exec 3<>/dev/tcp/$host/$port && cat >&3 && cat <&3" |
		grep -q 'value 1999'
}

server_main "$@"
