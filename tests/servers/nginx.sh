#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# nginx.sh - nginx with two workers under wrk: no request fails.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(nginx wrk curl)

prepare() {
	seq 1 20000 >numbers
	cat >nginx.conf <<-END
		daemon off;
		worker_processes 2;
		pid $PWD/pid;
		error_log $PWD/errors;
		events { worker_connections 256; }
		http {
			access_log off;
			keepalive_requests 100000000;
			client_body_temp_path $PWD/body;
			proxy_temp_path $PWD/proxy;
			fastcgi_temp_path $PWD/fastcgi;
			uwsgi_temp_path $PWD/uwsgi;
			scgi_temp_path $PWD/scgi;
			server {
				listen $host:$port;
				root $PWD;
			}
		}
	END
}

command() {
	echo "nginx -e $PWD/errors -c $PWD/nginx.conf"
}

answers() {
	curl -sf -o /dev/null "http://$host:$port/numbers"
}

talk() {
	talk_http numbers
}

inspect() {
	curl -sf "http://$host:$port/numbers" | cmp - numbers
}

server_main "$@"
