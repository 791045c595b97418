# SPDX-License-Identifier: GPL-2.0-only
"""terminal.py - for tests: somebody at a terminal, who types and looks at what comes."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

BUILD = os.environ.get("BUILD") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../build")
TOOL = os.environ.get("BPF_CKPT") or BUILD + "/bpf-ckpt"

# Orphans are reaped at once below this, as for tests/lib.sh.
if not os.environ.get("ORPHANS_REAPED"):
    os.environ["ORPHANS_REAPED"] = "1"
    os.execv(BUILD + "/tests/fixture", ["fixture", "--reap", sys.executable] + sys.argv)


class Terminal:
    """A pty whose master we hold; what runs on it is outside of our session."""

    def __init__(self, *argv, rows=24, cols=80, env=None):
        self.master, slave = pty.openpty()
        self.slave_name = os.ttyname(slave)
        self.seen = b""
        self.resize(rows, cols)
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(slave, fd)
            os.closerange(3, 256)
            for nr in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE:
                signal.signal(nr, signal.SIG_DFL)  # whoever runs the tests in the background ignores them
            os.execvpe(argv[0], argv, env or {"PATH": os.environ["PATH"], "HOME": "/", "TERM": "vt100",
                                              "PS1": "prompt> ", "LANG": "C", "INPUTRC": "/dev/null"})
        os.close(slave)

    def resize(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, cols, 0, 0))

    def type(self, text):
        self.seen = b""
        os.write(self.master, text.encode())

    def line(self, text):
        self.type(text + "\r")

    def pump(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def sees(self, text, seconds=20):
        """Wait until text has come since the last type()."""
        end = time.monotonic() + seconds
        while text.encode() not in self.seen and time.monotonic() < end:
            if not self.pump(0.1):
                time.sleep(0.02)
        return text.encode() in self.seen

    def modes(self):
        return termios.tcgetattr(self.master)

    def foreground(self):
        return struct.unpack("i", fcntl.ioctl(self.master, termios.TIOCGPGRP, b"\0" * 4))[0]

    def end(self):
        os.close(self.master)
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)


def wait_until(test, seconds=20):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return None


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(x) for x in f.read().split()]
    except OSError:
        return []


def waits_to_read(pid, fd=0):
    """Until it sleeps in read(2) of a descriptor: a key typed before that may find it anywhere."""
    def sleeps():
        with open(f"/proc/{pid}/stat") as f:
            state = f.read().rsplit(")")[-1].split()[0]
        with open(f"/proc/{pid}/syscall") as f:
            return state == "S" and f.read().startswith(f"0 0x{fd:x} ")
    return wait_until(sleeps)


class Checks:
    def __init__(self, name):
        self.name, self.failed = name, False

    def __call__(self, what, ok, said=b""):
        print(f"{'ok' if ok else 'not ok'} {self.name}/{what}" + ("" if ok else f": {said[-300:]!r}"), flush=True)
        self.failed |= not ok
        return ok

    def end(self):
        sys.exit(self.failed)
