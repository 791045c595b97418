#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# etcd.sh - etcd, a key-value store in Go: what it acknowledged is there, on connections that stay open.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(etcd python3)

prepare() {
	peers=$((port + 1))
	cat >client.py <<-'END'
		import base64, http.client, json, sys, time
		def text(s): return base64.b64encode(s.encode()).decode()
		class Store:
		    def __init__(self, port): self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
		    def ask(self, what, **request):
		        self.line.request("POST", "/v3/kv/" + what, json.dumps(request))
		        answer = self.line.getresponse()
		        body = json.loads(answer.read())
		        assert answer.status == 200, body
		        return body
		    def put(self, key, value): self.ask("put", key=text(key), value=text(value))
		    def get(self, key):
		        found = self.ask("range", key=text(key)).get("kvs", [])
		        return base64.b64decode(found[0]["value"]).decode() if found else None
		what, port = sys.argv[1], int(sys.argv[2])
		store = Store(port)
		if what == "ping":
		    store.put("ping", "pong")
		elif what == "talk":
		    end, n = time.monotonic() + float(sys.argv[3]), 0
		    while time.monotonic() < end:
		        store.put("key %d" % n, "value %d" % (n * n))
		        print(n, flush=True)
		        assert store.get("key %d" % (n // 2)) == "value %d" % ((n // 2) ** 2), n
		        n += 1
		else:
		    for n in map(int, open(sys.argv[3])):
		        assert store.get("key %d" % n) == "value %d" % (n * n), n
	END
}

command() {
	echo "etcd --data-dir $PWD/data --listen-client-urls http://$host:$port --advertise-client-urls http://$host:$port" \
		"--listen-peer-urls http://$host:$peers --initial-advertise-peer-urls http://$host:$peers" \
		"--initial-cluster default=http://$host:$peers --log-level error"
}

answers() {
	python3 client.py ping "$port" 2>/dev/null
}

talk() {
	python3 client.py talk "$port" "$seconds"
}

inspect() {
	python3 client.py check "$port" "$dir/client.out"
}

server_main "$@"
