#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# python3.sh - python3 with four threads that share a lock and a list.
. "$(dirname "$0")/lib.sh"
cat > "$work/prog.py" <<'END'
import hashlib, threading, time
lock, sums, seen = threading.Lock(), [b""] * 4, []
def work(n):
    for i in range(2500):
        sums[n] = hashlib.sha256(sums[n] + bytes([i % 256]) * 5000).digest()
        with lock:
            seen.append(n)
        time.sleep(0.001)
        if n == 0:
            open("progress", "a").write("%d\n" % i)
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
open("result", "w").write("%s %s\n" % ([s.hex() for s in sums], [seen.count(n) for n in range(4)]))
open("result.done", "w")
END
app python3 progress /usr/bin/python3 "$work/prog.py"
