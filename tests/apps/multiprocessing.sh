#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# multiprocessing.sh - python3 with processes that share memory by name, locks, semaphores, queues.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(python3)

prepare() {
	cat >script.py <<-'PYTHON'
		import hashlib, multiprocessing as mp, os, struct, sys, threading, time
		from multiprocessing import shared_memory
		WORKERS, SLOTS = 4, 64
		rounds = int(sys.argv[1])
		def mix(text, n):
		    for i in range(n): text = hashlib.sha256(text.encode()).hexdigest()
		    return text
		def work(me, name, lock, room, todo, done):
		    shm = shared_memory.SharedMemory(name)
		    guard = threading.Lock()
		    def count():
		        with guard: pass
		    t = threading.Thread(target=lambda: [count() or time.sleep(0.001) for i in range(rounds)], daemon=True)
		    t.start()
		    while (job := todo.get()) is not None:
		        with room:
		            word = mix(str(job), 40)
		            with lock:
		                at = job % SLOTS * 8
		                old = struct.unpack_from("<Q", shm.buf, at)[0]
		                struct.pack_into("<Q", shm.buf, at, (old + int(word[:12], 16)) % 2**63)
		        done.put((job, word))
		    shm.close()
		if __name__ == "__main__":
		    mp.set_start_method("fork")
		    shm = shared_memory.SharedMemory(create=True, size=SLOTS * 8)
		    lock, room = mp.Lock(), mp.BoundedSemaphore(3)
		    todo, done = mp.Queue(16), mp.Queue()
		    ps = [mp.Process(target=work, args=(i, shm.name, lock, room, todo, done)) for i in range(WORKERS)]
		    for p in ps: p.start()
		    got = {}
		    def collect():
		        while len(got) < rounds:
		            job, word = done.get()
		            got[job] = word
		    c = threading.Thread(target=collect)
		    c.start()
		    for job in range(rounds):
		        todo.put(job)
		        if job % 100 == 0: print("at", job, file=sys.stderr, flush=True)
		    c.join()
		    for p in ps: todo.put(None)
		    for p in ps: p.join()
		    print([p.exitcode for p in ps])
		    print(hashlib.sha256("".join(got[j] for j in range(rounds)).encode()).hexdigest())
		    print(hashlib.sha256(bytes(shm.buf[:SLOTS * 8])).hexdigest())
		    shm.close()
		    shm.unlink()
	PYTHON
}

command() {
	echo "python3 -u script.py $((30000 * scale))"
}

midway() {
	[ "$(size_of err)" -gt 60 ]
}

app_main "$@"
