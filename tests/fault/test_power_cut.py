"""Two real power cuts under writers, where this may be done: nothing acknowledged is lost, and a disk that does not sync
is seen. The long form is `./dev power-cut`."""
import os
import random
import sys
import unittest

import power_cut
import syscalls
from tidewatch import main


class PowerCut(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        totals = power_cut.play(2, seed)
        print(f"SEED={seed}: {dict(totals)}")
        self.assertEqual(totals["rounds"], 2)

    @unittest.skipUnless(os.path.exists(syscalls.SHIM), "what is preloaded is not in a sanitizer's build")
    def test_a_disk_that_does_not_sync_is_seen(self):
        with self.assertRaises(syscalls.Wrong):
            power_cut.play(3, 1, lying=True)


if __name__ == "__main__":
    try:
        power_cut.Disk().close()
    except OSError as e:
        print(f"skipped: no file system to shut down: {e}")
        sys.exit(77)
    main()
