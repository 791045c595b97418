#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# socketserver.sh - a Python server of unix sockets, a thread for each client; clients that stay, and come and go.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(python3)

prepare() {
	cat >script.py <<-'END'
		import hashlib, os, socket, socketserver, sys

		class Handler(socketserver.StreamRequestHandler):
		    def handle(self):
		        self.wfile.write(b"hello\n")
		        for line in self.rfile:
		            self.wfile.write(hashlib.sha256(line).hexdigest().encode() + b"\n")

		class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
		    daemon_threads = True
		    request_queue_size = 50

		server = Server("server", Handler)
		server_pid = os.fork()
		if server_pid == 0:
		    server.serve_forever()
		server.server_close()

		class Client:
		    def __init__(self, name):
		        self.name = name
		        self.s = socket.socket(socket.AF_UNIX)
		        self.s.connect("server")
		        self.f = self.s.makefile("rwb")
		        assert self.f.readline() == b"hello\n"
		    def ask(self, n):
		        self.f.write(b"%s %d\n" % (self.name, n))
		        self.f.flush()
		    def answer(self):
		        return self.f.readline().decode().strip()
		    def close(self):
		        self.f.close()
		        self.s.close()

		stay = [Client(b"stay %d" % i) for i in range(30)]
		for n in range(int(sys.argv[1])):
		    for c in stay:
		        c.ask(n)
		    guest = Client(b"guest")
		    guest.ask(n)
		    print(n, guest.answer(), *[c.answer()[:16] for c in stay], flush=True)
		    guest.close()
		os.kill(server_pid, 15)
		os.wait()
	END
}

command() {
	echo "python3 script.py $((1500 * scale))"
}

midway() {
	[ "$(wc -l <out)" -gt 100 ]
}

app_main "$@"
