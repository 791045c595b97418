#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# node.sh - an HTTP server in node that counts, under wrk: no request fails and no count is lost.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(node wrk curl)

prepare() {
	cat >server.js <<-END
		let count = 0;
		require('http').createServer((request, response) => {
			if (request.url === '/count')
				return response.end(count + '\n');
			count++;
			setTimeout(() => response.end('x'.repeat(3000)), count % 5);
		}).listen($port, '$host');
	END
}

command() {
	echo "node $PWD/server.js"
}

answers() {
	curl -sf "http://$host:$port/count" >/dev/null
}

talk() {
	talk_http ""
}

inspect() {
	local done

	done=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$dir/client.out")
	[ "$(curl -sf "http://$host:$port/count")" -ge "$done" ]
}

server_main "$@"
