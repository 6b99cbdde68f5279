"""The clock on the wall jumps ten days ahead, twenty back, and home again, under writers and watchers: nothing breaks. What was
kept for a time may be gone; no revision, event or answer depends on what the clock says."""
import glob
import os
import sys
import tempfile
import unittest

import chaos
from storm import Told
from tidewatch import Server, is_sanitized, main
from workload import Run

LIBRARY = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
JUMPS = ("+10d", "-10d", "+0")


class ClockServer(Server):
    """Its wall clock is what a file says: in its data folder, which is all that it may read."""

    def start(self):
        self.file = os.path.join(self.folder, "data", "clock")
        if not os.path.exists(self.file):
            os.mkdir(os.path.dirname(self.file), 0o700)
            self.jump("+0")
        self.environment = {"LD_PRELOAD": LIBRARY[0], "FAKETIME_TIMESTAMP_FILE": self.file, "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        super().start()
        self.pids = [*getattr(self, "pids", []), self.process.pid]

    def sweep(self):
        """What libfaketime leaves of a process that is killed."""
        for pid in self.pids:
            for path in glob.glob(f"/dev/shm/*faketime_*_{pid}"):
                os.remove(path)

    def jump(self, offset):
        with open(self.file + ".new", "w") as f:
            f.write(offset + "\n")
        os.rename(self.file + ".new", self.file)


class Clock(unittest.TestCase):
    def test_a_wall_clock_that_jumps_breaks_nothing(self):
        if os.path.isdir("/dev/shm"):
            tempfile.tempdir = "/dev/shm"
        run = Run(1, server=ClockServer, ways=["lines over HTTP/1.1", "server-sent events over HTTP/2", "long polls over HTTP/1.1"])
        years = set()
        try:
            for offset in JUMPS:
                self.assertTrue(run.wait_for_acks(40), run.trouble())
                run.server.jump(offset)
                made = run.server.client().create("/api/v1/namespaces/default/secrets", {
                    "apiVersion": "v1", "kind": "Secret", "metadata": {"generateName": "at-"}})
                years.add(made.json["metadata"]["creationTimestamp"][:10])
                self.assertTrue(run.wait_for_acks(40), run.trouble())
            run.kill()
            self.assertTrue(run.wait_for_acks(40), run.trouble())
        finally:
            history, log = run.finish()
            run.server.sweep()
        self.assertEqual(len(years), 3, "the clock did not jump")
        self.assertEqual([f"{v.name}: {v.what}" for v in chaos.judge(history, log, Told([], []))], [])


if __name__ == "__main__":
    if not LIBRARY or is_sanitized():
        print("skipped: no libfaketime, or a sanitizer, which has to be the first library")
        sys.exit(77)
    main()
