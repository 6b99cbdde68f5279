"""Real power cuts: a server's data lies on an ext4 file system in a file, on a loop device, which is shut down under
writers (FS_IOC_SHUTDOWN: what is not on the disk is gone) and mounted again. What was acknowledged is there.

    power_cut.py [ROUNDS [SEED]]     20 rounds with one store

Needs root and loop devices. Takes away only what it has made: its mount, its loop device, its folder.
"""
import collections
import contextlib
import fcntl
import http.client
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

import syscalls
from syscalls import Wrong, must
from tidewatch import CONFIGMAPS, PATIENCE_S, Server, configmap, outcome, wait_for

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), linux/fs/ext4/ext4.h
LOGFLUSH, NOLOGFLUSH = 1, 2     # the journal is written out first, or is not
CUT = (http.client.HTTPException, OSError)
WRITERS, KEYS, SIZE = 3, 8, 192 << 20
TOOLS = ("losetup", "mkfs.ext4", "mount", "umount")
SBIN = os.environ["PATH"] + ":/usr/sbin:/sbin"


def run(*args):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False,
                          env={**os.environ, "PATH": SBIN})
    if done.returncode != 0:
        raise OSError(f"{' '.join(args)}: {done.stderr.strip()}")
    return done.stdout.strip()


class Disk:
    """An ext4 of its own, mounted at `mount`. Raises OSError where there can be none."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-power-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.mount = os.path.join(self.folder, "mount")
        self.device, self.mounted = None, False
        try:
            if os.geteuid() != 0:
                raise OSError("this is not root")
            for tool in TOOLS:
                if shutil.which(tool, path=SBIN) is None:
                    raise OSError(f"there is no {tool}")
            os.mkdir(self.mount)
            image = os.path.join(self.folder, "image")
            with open(image, "wb") as f:
                f.truncate(SIZE)
            run("mkfs.ext4", "-q", "-F", image)
            self.device = run("losetup", "--find", "--show", image)
            self.attach()
        except (OSError, subprocess.SubprocessError):
            self.close()
            raise

    def attach(self):
        run("mount", "-t", "ext4", self.device, self.mount)
        self.mounted = True

    def detach(self):
        run("umount", self.mount)
        self.mounted = False

    def cut(self, flag):
        fd = os.open(self.mount, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", flag))
        finally:
            os.close(fd)

    def close(self):
        for made, undo in ((self.mounted, ("umount", self.mount)), (self.device, ("losetup", "-d", self.device))):
            if made:
                try:
                    run(*undo)
                except (OSError, subprocess.SubprocessError) as e:
                    print(f"left behind: {e}", file=sys.stderr)
                    return
        shutil.rmtree(self.folder, ignore_errors=True)


class Writer(threading.Thread):
    """Writes its own keys until it is cut. The state of a key is the last that was acknowledged, or a later one."""

    def __init__(self, cuts, number):
        super().__init__(daemon=True)
        self.cuts, self.number, self.acks, self.error = cuts, number, 0, None

    def run(self):
        try:
            client = self.cuts.server.client()
            while self.write(client, f"w{self.number}-{self.cuts.dice.randrange(KEYS)}"):
                pass
            client.close()
        except Exception as e:
            self.error = e

    def write(self, client, name):
        states = self.cuts.states.setdefault(name, [None])
        text = f"{next(self.cuts.numbers)} " + "x" * self.cuts.dice.randrange(3000)
        if states[0] is not None and self.cuts.dice.random() < 0.2:
            text = None
        states.append(text)
        try:
            if text is None:
                answer = client.call("DELETE", f"{CONFIGMAPS}/{name}")
            elif states[0] is None:
                answer = client.create(CONFIGMAPS, configmap(name, {"t": text}))
            else:
                answer = client.call("PUT", f"{CONFIGMAPS}/{name}", configmap(name, {"t": text}))
        except CUT:
            return False
        if answer.code not in (200, 201):
            must(answer.code >= 500, f"{name}: {answer}")
            return False
        if self.cuts.cutting:
            self.cuts.late.append((name, text))
            return False
        if text is not None:
            self.cuts.rv = max(self.cuts.rv, answer.rv)
        states[:] = [text]
        self.acks += 1
        return True


class Cuts:
    """One store, and power cuts. With `lying` no sync is done, and each says that it was."""

    def __init__(self, seed, lying=False):
        self.dice, self.states, self.rv = random.Random(seed), {}, 0
        self.late = []  # (name, text) of answers that were heard after the cut began
        self.numbers = iter(range(1 << 40))
        self.disk, self.server, self.cutting = Disk(), None, False
        self.totals = collections.Counter()
        self.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        os.mkdir(os.path.join(self.disk.mount, "data"), 0o700)
        os.symlink(os.path.join(self.disk.mount, "data"), os.path.join(self.folder, "data"))

        self.lying = lying
        if lying:
            never = syscalls.Fault("a sync is not done", syscalls.SYNC, syscalls.LIE, 0, syscalls.FOR_EVER)
            syscalls.arm(syscalls.new_control(self.control), never, 0)

    @property
    def control(self):
        return os.path.join(self.folder, "control")

    def start(self):
        server = Server.__new__(Server)
        server.folder, server.storage, server.threads, server.port = self.folder, "sqlite", 2, 0
        server.flags = ["--history-bytes=200KiB"]
        self.server = server
        try:
            with syscalls.preloaded(self.control, self.folder) if self.lying else contextlib.nullcontext():
                server.start()
        except AssertionError as e:
            raise Wrong(str(e)) from None

    def verify(self):
        code, text = outcome("verify", f"--data-dir={self.folder}/data")
        must(code == 0, f"verify: {text}")

    def check(self):
        listed = self.server.client().get(CONFIGMAPS)
        must(listed.code == 200, f"{listed}")
        must(self.rv <= listed.rv < self.rv + 1000, f"revision {self.rv} was acknowledged, it is at {listed.rv}")
        found = {item["metadata"]["name"]: item["data"]["t"] for item in listed.json["items"]}
        self.totals.update(late=len(self.late), late_gone=sum(found.get(name) != text for name, text in self.late))
        self.late.clear()
        for name, states in self.states.items():
            must(found.get(name) in states, f"{name} is {str(found.get(name))[:20]!r}, and may be {[str(s)[:20] for s in states]}")
            states[:] = [found.pop(name, None)]
        must(not found, f"nobody wrote {list(found)}")
        self.rv = listed.rv

    def round(self, acks):
        """Writes until so many are acknowledged, cuts, and looks at what is left."""
        self.cutting = False
        writers = [Writer(self, n) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        wait_for(lambda: sum(w.acks for w in writers) >= acks or not any(w.is_alive() for w in writers), "the writers")
        # A sync that is under way while a file system is shut down may say that it was done: its extents are not
        # converted, and nobody is told. Who has no power says nothing, so what is heard from here on is not an answer.
        self.cutting = True
        self.disk.cut(LOGFLUSH if self.dice.random() < 0.25 else NOLOGFLUSH)
        for writer in writers:
            writer.join(PATIENCE_S)
            must(not writer.is_alive(), "a writer hangs: a server without a disk neither answers nor ends")
            must(writer.error is None, f"{writer.error!r}")
        self.server.kill()
        self.disk.detach()
        self.disk.attach()
        self.verify()
        self.start()
        self.check()
        self.totals.update(acks=sum(w.acks for w in writers), rounds=1)

    def close(self):
        if self.server is not None and self.server.process.poll() is None:
            self.server.kill()
        self.disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def play(rounds, seed, acks=200, lying=False):
    cuts = Cuts(seed, lying)
    try:
        cuts.start()
        for _ in range(rounds):
            cuts.round(cuts.dice.randrange(acks // 4, acks))
        return cuts.totals
    finally:
        cuts.close()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    began = time.monotonic()
    print(f"SEED={seed}", flush=True)
    totals = play(rounds, seed)
    print(f"{totals['rounds']} power cuts, {time.monotonic() - began:.0f} s: {totals['acks']} acknowledged writes, "
          f"0 lost; of {totals['late']} that were answered after the cut began {totals['late_gone']} are gone")


if __name__ == "__main__":
    main()
