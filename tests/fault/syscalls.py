"""A server whose calls of the disk fail, are cut short, or end it: for each n-th call of a whole life, from the start
to a restart. What was acknowledged stays, what is answered is right, and after a failed sync nothing is acknowledged.

    syscalls.py [N [SEED]]      up to N places (40) for each fault, spread over the calls there are

The server is an ordinary one, with tests/fault/syscalls.c preloaded; the last start of each life is without it.
"""
import collections
import contextlib
import ctypes
import errno
import http.client
import mmap
import os
import random
import shutil
import sys
import tempfile
import time

from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, Server, configmap, outcome

SHIM = os.path.join(BUILD, "tests", "libfault_syscalls.so")
COUNT, FAIL, SHORT, KILL, TEAR, LIE = range(6)
WRITE, SYNC, TRUNCATE, OPEN, NAME, READ, MAP, SYNC_FOLDER = (1 << n for n in range(8))
KILLED = 99  # what the shim ends with
CUT = (http.client.HTTPException, OSError)

Fault = collections.namedtuple("Fault", "name calls action error times", defaults=(0, 1))
FOR_EVER = 1 << 30
FAULTS = (
    Fault("a write fails with EIO", WRITE, FAIL, errno.EIO),
    Fault("the disk is full, for a moment", WRITE, FAIL, errno.ENOSPC, 3),
    Fault("the disk is full, until it is emptied", WRITE, FAIL, errno.ENOSPC, FOR_EVER),
    Fault("the quota is used up", WRITE, FAIL, errno.EDQUOT, 3),
    Fault("a write is interrupted", WRITE, FAIL, errno.EINTR),
    Fault("a write is short", WRITE, SHORT),
    Fault("the end comes before a write", WRITE, KILL),
    Fault("the end comes in a write", WRITE, TEAR),
    Fault("a sync fails with EIO", SYNC, FAIL, errno.EIO),
    Fault("a sync fails for want of space", SYNC, FAIL, errno.ENOSPC),
    Fault("the end comes before a sync", SYNC, KILL),
    Fault("a sync of the folder fails with EIO", SYNC_FOLDER, FAIL, errno.EIO),
    Fault("the end comes before a sync of the folder", SYNC_FOLDER, KILL),
    Fault("a truncation fails with EIO", TRUNCATE, FAIL, errno.EIO),
    Fault("the end comes before a truncation", TRUNCATE, KILL),
    Fault("a file cannot be opened", OPEN, FAIL, errno.EMFILE),
    Fault("the end comes before a file is opened", OPEN, KILL),
    Fault("a name cannot be changed", NAME, FAIL, errno.EIO),
    Fault("the end comes before a name changes", NAME, KILL),
    Fault("a read fails with EIO", READ, FAIL, errno.EIO),
    Fault("a read is interrupted", READ, FAIL, errno.EINTR),
    Fault("a file cannot be mapped", MAP, FAIL, errno.ENOMEM),
)


class Control(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("calls", "after", "times", "action", "error", "counted", "struck")]


def new_control(path):
    """What the shim maps, too."""
    with open(path, "w+b") as f:
        f.truncate(ctypes.sizeof(Control))
        return Control.from_buffer(mmap.mmap(f.fileno(), ctypes.sizeof(Control)))


@contextlib.contextmanager
def preloaded(control, folder):
    """Servers that are started meanwhile have the shim, for files whose path begins with `folder`."""
    os.environ.update(LD_PRELOAD=SHIM, FAULT_CONTROL=control, FAULT_FOLDER=folder)
    try:
        yield
    finally:
        for name in ("LD_PRELOAD", "FAULT_CONTROL", "FAULT_FOLDER"):
            del os.environ[name]


def arm(control, fault, after):
    for name, value in dict(after=after, times=fault.times, action=fault.action, error=fault.error, counted=0, struck=0,
                            calls=fault.calls).items():
        setattr(control, name, value)


class Wrong(Exception):
    """A promise that was broken."""


def must(holds, what):
    if not holds:
        raise Wrong(what)


class Life:
    """One server's data, from a first start to the last look at it."""

    def __init__(self, fresh):
        shm = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.folder = tempfile.mkdtemp(prefix="tidewatch-syscalls-", dir=shm)
        self.control = new_control(os.path.join(self.folder, "control"))
        self.states = {}  # name -> the states it may have, the last acknowledged one first; None: not there
        self.server, self.client, self.fresh = None, None, fresh
        self.acks = self.refusals = 0
        self.number = 0

    def start(self, preload):
        """False: the server ended instead, and said why."""
        if self.server is None:
            self.server = Server.__new__(Server)
            self.server.folder = tempfile.mkdtemp(prefix="tidewatch-test-", dir=self.folder)
            self.server.storage, self.server.threads, self.server.port = "sqlite", 1, 0
            self.server.flags = ["--history-bytes=1"]
        shim = preloaded(os.path.join(self.folder, "control"), self.server.folder) if preload else contextlib.nullcontext()
        try:
            with shim:
                self.server.start()
        except AssertionError as e:
            code = self.server.process.wait(PATIENCE_S)
            self.server.process.stdout.close()
            self.server.log.close()
            must(preload, f"it does not start again: {e}")
            must(code in (1, KILLED), f"a start ended with {code}: {e}")
            must(code == KILLED or "level=\"error\"" in str(e) or "tidewatch:" in str(e), f"a start ended without a word: {e}")
            return False
        self.client = self.server.client()
        return True

    def is_up(self):
        return self.server is not None and self.server.process.poll() is None

    def ended(self):
        """It did by itself: by the shim, or because it cannot go on."""
        code = self.server.process.wait(PATIENCE_S)
        must(code in (1, KILLED), f"it ended with {code}: {self.server.read_log()}")
        must(code == KILLED or "the store can write no more" in self.server.read_log(), f"it ended without a word: {self.server.read_log()}")
        self.server.process.stdout.close()
        self.server.log.close()

    def write(self, name, text):
        """A create, an update, or with None a delete, of what may be there."""
        before = self.states.setdefault(name, [None])
        failed_before = self.control.struck and self.control.calls == SYNC and self.control.action == FAIL
        try:
            if text is None:
                answer = self.client.call("DELETE", f"{CONFIGMAPS}/{name}")
            elif before[0] is None:
                answer = self.client.create(CONFIGMAPS, configmap(name, {"t": text}))
            else:
                answer = self.client.call("PUT", f"{CONFIGMAPS}/{name}", configmap(name, {"t": text}))
        except CUT:
            before.append(text)
            self.ended()
            return False
        if answer.code in (200, 201):
            must(not failed_before, f"{name} was acknowledged after a failed sync")
            self.states[name] = [text]
            self.acks += 1
        else:
            must(answer.code in (500, 503, 507) and answer.json["kind"] == "Status", f"{name}: {answer}")
            self.refusals += 1
            if answer.code != 507:
                before.append(text)  # an I/O error: nobody knows
        return True

    def look(self):
        """What is answered is what may be there. False: the server has ended."""
        for name, states in list(self.states.items()):
            try:
                answer = self.client.get(f"{CONFIGMAPS}/{name}")
            except CUT:
                self.ended()
                return False
            must(answer.code in (200, 404) or (self.control.struck and answer.code in (500, 503)), f"{name}: {answer}")
            if answer.code in (200, 404):
                found = answer.json["data"]["t"] if answer.code == 200 else None
                must(found in states, f"{name} is {str(found)[:20]!r}, and may be {[str(s)[:20] for s in states]}")
                self.states[name] = [found]
        return True

    def write_some(self, count):
        """True: all were answered."""
        for _ in range(count):
            n = self.number = self.number + 1
            name = f"c{n % 7}"
            old = self.states.get(name, [None])
            if len(old) > 1 and not self.look():
                return False
            text = None if n % 5 == 0 and self.states.get(name, [None])[0] is not None else f"{n} " + "x" * (n * 577 % 6000)
            if not self.write(name, text):
                return False
        return True

    def verify(self):
        code, text = outcome("verify", f"--data-dir={self.server.folder}/data")
        must(code == 0, f"verify: {text}")

    def backup(self):
        """Beside a server that may be in trouble, without the shim: it is whole, or it says why not."""
        copy = os.path.join(self.folder, "copy")
        if os.path.exists(copy):
            os.unlink(copy)
        code, text = outcome("backup", f"--data-dir={self.server.folder}/data", copy)
        must(code == 0, f"backup: {text}")

    def stop(self):
        self.client.close()
        self.server.process.terminate()
        code = self.server.process.wait(PATIENCE_S)
        self.server.process.stdout.close()
        self.server.log.close()
        return code

    def run(self, fault, after):
        """All of a life with that fault; how many calls there were to strike."""
        if not self.fresh:
            must(self.start(False) and self.write_some(260) and self.stop() == 0, "a start without faults")
        arm(self.control, fault, after)
        up = self.start(True) and self.write_some(12)
        if up and self.look():
            self.backup()
        if self.is_up() and self.client is not None:
            if fault.error in (errno.ENOSPC, errno.EDQUOT) and fault.calls == WRITE:
                self.control.calls = 0  # there is space again
                refused = self.refusals
                must(self.write_some(2) and self.refusals == refused, "it does not recover when there is space again")
                self.control.calls = fault.calls
            code = self.stop()
            must(code in (0, 1, KILLED), f"it ended with {code}")
        self.control.calls = 0
        counted, struck = self.control.counted, self.control.struck
        if os.path.exists(f"{self.server.folder}/data/tidewatch.db"):
            self.verify()
        must(self.start(False) and self.look() and self.write_some(3) and self.look(), "the last start")
        must(self.stop() == 0, "the last end")
        self.verify()
        return counted, struck

    def close(self):
        if self.is_up():
            self.server.process.kill()
            self.server.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def live(fault, after, fresh):
    life = Life(fresh)
    try:
        return (*life.run(fault, after), life.acks, life.refusals)
    except Wrong as e:
        raise Wrong(f"{fault.name}, call {after}{' of a new store' if fresh else ''}: {e}") from None
    finally:
        life.close()


def places(count, wanted, dice):
    """Spread over all calls, a random one in each stretch."""
    step = max(1, count / wanted)
    return sorted({min(count - 1, int(n * step + dice.random() * step)) for n in range(min(wanted, count))})


def play(wanted, seed, faults=FAULTS, say=print):
    """(lives, struck, acknowledged, refused), and what was wrong"""
    dice, total, wrong, counts = random.Random(seed), collections.Counter(), [], {}
    for fault in faults:
        for fresh in (True, False):
            if (fault.calls, fresh) not in counts:
                counts[fault.calls, fresh] = live(Fault("no fault", fault.calls, COUNT), 0, fresh)[0]
            count = counts[fault.calls, fresh]
            for after in places(count, (wanted + 1) // 2 if fresh else wanted // 2, dice):
                try:
                    for _ in range(3):  # no two lives have the same number of calls
                        counted, struck, acks, refusals = live(fault, after, fresh)
                        total.update(acks=acks, refusals=refusals)
                        if struck or counted == 0:
                            break
                        after = dice.randrange(counted)
                    total.update(lives=1, struck=struck > 0)
                except Wrong as e:
                    wrong.append(str(e))
                    say(f"WRONG: {e}"[:2000])
    return total, wrong


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    began = time.monotonic()
    print(f"SEED={seed}", flush=True)
    total, wrong = play(wanted, seed)
    print(f"{total['lives']} lives under {len(FAULTS)} faults, of which {total['struck']} struck, {time.monotonic() - began:.0f} s: "
          f"{total['acks']} acknowledged and {total['refusals']} refused writes; {len(wrong)} violations")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
