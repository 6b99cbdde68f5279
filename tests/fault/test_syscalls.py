"""A server whose calls of the disk fail, are cut short, or end it: some places in some of the ways there are. The long
form is `./dev fault-syscalls`."""
import errno
import os
import random
import sys
import unittest

import syscalls
from tidewatch import main


class Syscalls(unittest.TestCase):
    def test_no_call_that_fails_loses_what_was_acknowledged(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        faults = random.Random(seed).sample(syscalls.FAULTS, 5)
        total, wrong = syscalls.play(2, seed, faults)
        print(f"SEED={seed}: {dict(total)}")
        self.assertEqual(wrong, [])
        self.assertEqual(total["lives"], 10)

    def test_a_disk_that_is_full_at_the_first_start_ends_it_with_words(self):
        first = syscalls.Life(True)
        self.addCleanup(first.close)
        syscalls.arm(first.control, syscalls.Fault("no fault", syscalls.WRITE, syscalls.COUNT), 0)
        self.assertTrue(first.start(True))
        full = syscalls.Fault("the disk is full", syscalls.WRITE, syscalls.FAIL, errno.ENOSPC, syscalls.FOR_EVER)
        for before_the_end in (1, 3, 9):
            life = syscalls.Life(True)
            self.addCleanup(life.close)
            syscalls.arm(life.control, full, first.control.counted * (10 - before_the_end) // 10)
            self.assertFalse(life.start(True))
            syscalls.arm(life.control, full, syscalls.FOR_EVER)
            self.assertTrue(life.start(True), "there is space again")

    def test_a_disk_that_writes_nothing_is_seen(self):
        lie = syscalls.Fault("a write is not done", syscalls.WRITE, syscalls.LIE, 0, syscalls.FOR_EVER)
        with self.assertRaises(syscalls.Wrong):
            syscalls.live(lie, 30, True)


if __name__ == "__main__":
    if not os.path.exists(syscalls.SHIM):
        print("skipped: what is preloaded is not in a sanitizer's build")
        sys.exit(77)
    main()
