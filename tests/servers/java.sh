#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# java.sh - a Java program with threads, a busy JIT and garbage collector, that answers sums over TCP.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(java python3)

prepare() {
	cat >Server.java <<-'END'
		import java.io.*;
		import java.net.*;
		import java.util.*;
		import java.util.concurrent.*;
		import java.util.concurrent.atomic.*;
		public class Server {
			static final ConcurrentHashMap<Long, long[]> garbage = new ConcurrentHashMap<>();
			static final AtomicLong turns = new AtomicLong();
			static void churn() {
				for (long i = 0; ; i++) {
					garbage.put(i % 512, new long[(int) (i % 2048)]);
					if (turns.incrementAndGet() % 1000 == 0)
						try { Thread.sleep(1); } catch (InterruptedException e) { throw new Error(e); }
				}
			}
			static void serve(Socket s) {
				try (BufferedReader in = new BufferedReader(new InputStreamReader(s.getInputStream()));
				     PrintWriter out = new PrintWriter(s.getOutputStream(), true)) {
					long sum = 0;
					for (String line; (line = in.readLine()) != null; )
						out.println(sum += Long.parseLong(line));
				} catch (IOException e) {
				}
			}
			public static void main(String[] args) throws Exception {
				ServerSocket s = new ServerSocket(Integer.parseInt(args[0]), 50, InetAddress.getByName("127.0.0.1"));
				ExecutorService pool = Executors.newCachedThreadPool();
				for (int i = 0; i < 2; i++)
					pool.execute(Server::churn);
				while (true) {
					Socket c = s.accept();
					pool.execute(() -> serve(c));
				}
			}
		}
	END
	cat >client.py <<-'END'
		import socket, sys, time
		conns = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60) for _ in range(4)]
		files = [c.makefile("rw") for c in conns]
		sums, n, end = [0] * 4, 0, time.monotonic() + float(sys.argv[2])
		while n < 4 or time.monotonic() < end:
		    lane = n % 4
		    files[lane].write(f"{n}\n")
		    files[lane].flush()
		    sums[lane] += n
		    assert int(files[lane].readline()) == sums[lane]
		    n += 1
		    time.sleep(0.001)
	END
}

command() {
	echo "java -Xmx128m $PWD/Server.java $port"
}

answers() {
	python3 client.py "$port" 0 2>/dev/null
}

talk() {
	python3 client.py "$port" "$seconds"
}

inspect() {
	python3 client.py "$port" 0
}

server_main "$@"
