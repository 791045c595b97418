#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# python.sh - python3 with threads, locks, a queue, and numbers that depend on all of them.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(python3)

prepare() {
	cat >script.py <<-'END'
		import hashlib, queue, sys, threading, time
		count = int(sys.argv[1])
		jobs, lock, done = queue.Queue(20), threading.Lock(), {}
		class Box:
		    def __init__(self, n): self.n, self.text = n, str(n) * 10
		def work():
		    while (box := jobs.get()) is not None:
		        digest = hashlib.sha256(box.text.encode()).hexdigest()
		        for i in range(60):
		            digest = hashlib.sha256((digest + str(i)).encode()).hexdigest()
		        with lock:
		            done[box.n] = digest
		threads = [threading.Thread(target=work, name=f"w{i}") for i in range(6)]
		for t in threads: t.start()
		for n in range(count):
		    jobs.put(Box(n))
		    if n % 500 == 0:
		        print("at", n, file=sys.stderr, flush=True)
		        time.sleep(0.01)
		for t in threads: jobs.put(None)
		for t in threads: t.join()
		for n in sorted(done): print(n, done[n])
		print(hashlib.sha256("".join(done[n] for n in sorted(done)).encode()).hexdigest())
	END
}

command() {
	echo "python3 -u script.py $((20000 * scale))"
}

midway() {
	[ "$(size_of err)" -gt 40 ]
}

app_main "$@"
