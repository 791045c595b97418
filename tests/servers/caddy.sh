#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# caddy.sh - caddy, a web server in Go, under wrk: no request fails.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(caddy wrk curl)

prepare() {
	mkdir site
	seq 1 20000 >site/numbers
	cat >Caddyfile <<-END
		{
			admin off
			auto_https off
			storage file_system $PWD/storage
		}
		http://$host:$port {
			root * $PWD/site
			file_server
		}
	END
}

command() {
	echo "env HOME=$PWD XDG_CONFIG_HOME=$PWD caddy run --config $PWD/Caddyfile --adapter caddyfile"
}

answers() {
	curl -sf -o /dev/null "http://$host:$port/numbers"
}

talk() {
	talk_http numbers
}

inspect() {
	curl -sf "http://$host:$port/numbers" | cmp - site/numbers
}

server_main "$@"
