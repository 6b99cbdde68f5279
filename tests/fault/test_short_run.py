"""Writers, readers and watchers in every way and a storm of them, two kills and a pause: the checker finds nothing. The long form is
`./dev chaos`, and that the checker would find it is shown by `./dev planted`."""
import os
import random
import tempfile
import unittest

import chaos
from tidewatch import main


class ShortRun(unittest.TestCase):
    def test_nothing_is_lost_repeated_or_made_up(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        compacting = seed % 2 == 1
        if os.path.isdir("/dev/shm"):  # a kill loses nothing that the kernel has: no need to wait for a disk
            tempfile.tempdir = "/dev/shm"
        print(f"SEED={seed}")
        done = chaos.play(seed, kills=2, acks=100, compacting=compacting, storm=500)
        if done.found:
            print(f"kept in {chaos.keep(done, seed)}")
        self.assertEqual([f"{v.name}: {v.what}" for v in done.found], [])
        self.assertEqual(done.kills, 2)
        self.assertGreater(sum(len(s["events"]) for s in done.history.streams), done.acks)
        self.assertGreater(sum(len(s.events) for s in done.storm.streams), 1000)


if __name__ == "__main__":
    main()
